"""The files config/examples/spawn-*.yaml, with the unmodified programs that they name."""

import os
import pathlib
import random
import subprocess

import examples
import kernel
import street

CLONES = 200
FILES = 60
TFTP_BYTES = 300_000


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=street.PATIENCE,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")
    return done.stdout


class Programs(examples.Example):
    def start(self, name, **variables):
        for key, value in variables.items():
            os.environ[key] = str(value)
            self.addCleanup(os.environ.pop, key)
        self.example(name)
        self.port = self.portier.numbers[8001]

    def numbers(self):
        seed = int.from_bytes(os.urandom(4), "big")
        print(f"seed {seed}", flush=True)
        return random.Random(seed)


class Git(Programs):
    IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")

    def make_repository(self):
        """A bare repository with some history; returns the id of its newest tree."""
        numbers, work = self.numbers(), self.folder / "work"
        run("git", *self.IDENTITY, "init", "-q", str(work))
        for commit in range(3):
            for number in range(FILES):
                path = work / f"folder{number % 5}" / f"file{number}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(numbers.randbytes(numbers.randrange(4000)))
            run("git", "-C", str(work), "add", ".")
            run("git", *self.IDENTITY, "-C", str(work), "commit", "-q", "-m", f"commit {commit}")
        root = self.folder / "git"
        root.mkdir()
        run("git", "clone", "-q", "--bare", str(work), str(root / "menu.git"))
        return root, run("git", "-C", str(work), "rev-parse", "HEAD^{tree}")

    def test_many_clones_at_once(self):
        root, tree = self.make_repository()
        self.start("spawn-git.yaml", GIT_ROOT=root)
        address = f"git://127.0.0.1:{self.port}/menu.git"
        places = [self.folder / f"clone{number}" for number in range(CLONES)]
        clones = [subprocess.Popen(["git", "clone", "-q", address, str(place)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for place in places]
        for clone in clones:
            _, complaint = clone.communicate(timeout=5 * street.PATIENCE)
            self.assertEqual((clone.returncode, complaint), (0, ""))
        for place in places:
            self.assertEqual(run("git", "-C", str(place), "rev-parse", "HEAD^{tree}"), tree)
            self.assertEqual(run("git", "-C", str(place), "status", "--porcelain"), "")
        run("git", "-C", str(places[0]), "fsck", "--strict")
        self.portier.wait_metric(0, "portier_connections_active", port=self.key())
        self.portier.wait_metric(CLONES, "portier_handler_exits_total", handler="git", code="0")
        metrics = self.portier.metrics()
        self.assertEqual(metrics.of("portier_connections_accepted_total", port=self.key()), CLONES)
        self.assertEqual(metrics.total("portier_connections_rejected_total", port=self.key()), 0)


class Tftp(Programs):
    def fetch(self):
        place = self.folder / "fetched"
        place.unlink(missing_ok=True)
        said = run("tftp", "127.0.0.1", str(self.port), "-m", "binary", "-c", "get", "menu.txt", str(place))
        self.assertNotIn("Error", said)  # tftp exits with 0 even then
        return place.read_bytes()

    def pids(self):
        return list(self.portier.pids("boot").values())

    def test_starts_with_the_first_datagram_and_ends_when_idle(self):
        root = pathlib.Path(self.folder / "tftp")
        root.mkdir(mode=0o755)
        menu = self.numbers().randbytes(TFTP_BYTES)
        (root / "menu.txt").write_bytes(menu)
        (root / "menu.txt").chmod(0o644)
        self.start("spawn-tftp.yaml", TFTP_ROOT=root, TFTP_IDLE=1)
        inodes = kernel.udp_inodes(self.port)
        for _ in range(2):
            self.assertEqual(self.pids(), [], "nobody is there yet")
            self.assertEqual(self.fetch(), menu)
            self.assertEqual(len(self.pids()), 1)
            self.assertEqual(self.fetch(), menu)
            street.wait_until(lambda: not self.pids(), "it has ended because nobody came")
        self.assertEqual(kernel.udp_inodes(self.port), inodes, "and the socket was always the same")
        self.assertEqual(len(self.portier.log_lines(message="process started", handler="boot")), 2)


class Ucspi(Programs):
    def test_a_program_for_tcpserver(self):
        self.start("spawn-ucspi.yaml")
        client = self.client(self.port, "127.0.0.7")
        lines = client.makefile("rb")
        self.assertEqual(lines.readline(), b"welcome, 127.0.0.7\n")
        client.sendall(b"one word\n")
        self.assertEqual(lines.readline(), b"one word\n")
        client.shutdown(street.socket.SHUT_WR)
        self.assertEqual(lines.read(), b"", "recordio's report is not for the client")
        street.wait_until(lambda: [line for line in self.portier.log_lines(handler="parrot")
                                   if "one word" in line["message"]], "but for the log")

    def test_its_limits(self):
        self.start("spawn-ucspi.yaml")
        clients = [self.client(self.port) for _ in range(5)]
        for client in clients:
            self.assertEqual(client.makefile("rb").readline(), b"welcome, 127.0.0.1\n")
        self.assertEqual(self.client(self.port).recv(1), b"")


class Systemd(Programs):
    def test_accept_yes(self):
        self.start("spawn-systemd.yaml")
        client = self.client(self.port)
        self.assertRegex(client.makefile().read(), r"^it is \d\d:\d\d:\d\d\n$")
        said = f"told the time to 127.0.0.1 port {client.getsockname()[1]}"
        street.wait_until(lambda: self.portier.log_lines(message=said, handler="clock"), "the log has it")


if __name__ == "__main__":
    street.main()

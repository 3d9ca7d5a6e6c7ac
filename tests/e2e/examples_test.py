"""Every file of config/examples is good; those of handoff and inherit run with the real, unmodified programs."""

import re
import subprocess

import callers
import examples
import kernel
import street

REQUESTS = 400


class Files(examples.Example):
    def test_every_file_is_good(self):
        """And says in its first line which delivery it shows."""
        (self.folder / "config").mkdir()
        (self.folder / "build").symlink_to(street.BUILD)
        folder = self.folder / "config" / "examples"
        folder.symlink_to(examples.FOLDER)
        files = sorted(folder.glob("*.yaml"))
        self.assertGreaterEqual(len(files), 7)
        for file in files:
            with self.subTest(file=file.name):
                config = examples.effective(file)
                deliveries = {handler["delivery"] for handler in config["handlers"].values()}
                first = file.read_text().splitlines()[0]
                self.assertTrue(any(delivery in first for delivery in deliveries), first)

    def test_every_file_is_in_the_table(self):
        table = (examples.FOLDER / "README.md").read_text()
        for file in examples.FOLDER.glob("*.yaml"):
            self.assertIn(f"]({file.name})", table)


class Handoff(examples.Example):
    def test_kitchen(self):
        self.example("handoff.yaml")
        with self.client(self.portier.numbers[8001]) as client:
            client.sendall(b"menu\nbye\n")
            self.assertIn(b"today in the veg kitchen", client.makefile("rb").read())


class Relay(examples.Example):
    def test_redis(self):
        self.example("relay-redis.yaml", more_numbers=(8002,))
        done = subprocess.run(["redis-benchmark", "-p", str(self.portier.numbers[8001]), "-n", "20000", "-c", "50", "-q",
                               "-t", "ping_inline,set,get,lpush,mset"], check=False, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=5 * street.PATIENCE)
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn("rror", done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r"requests per second", done.stdout)), 5, done.stdout)
        port = self.key()
        self.portier.wait_metric(0, "portier_connections_active", port=port)
        self.assertGreaterEqual(self.portier.metric("portier_connections_accepted_total", port=port), 250)


class Pages(examples.Example):
    """Web servers: everybody gets a page, also while the processes are replaced by a reload."""

    def check(self, file, handler, page):
        self.example(file)
        self.assertRegex(self.get(), page)  # waits until the program has started
        guests = callers.Callers(self, lambda: self.assertRegex(self.get(), page))
        street.wait_until(lambda: guests.have_failed() or guests.count() > REQUESTS, "many were served")
        old = self.reload_with_other_processes(handler)
        street.wait_until(lambda: not any(map(kernel.is_running, old)), "the old processes have ended")
        served = guests.finish()
        port = self.key()
        self.portier.wait_metric(0, "portier_connections_active", port=port)
        self.portier.wait_metric(served + 1, "portier_connections_accepted_total", port=port)
        ends = self.portier.log_lines(message="process ended", handler=handler)
        self.assertEqual({line["reason"] for line in ends}, {"exit code 0"}, ends)

    def test_node_by_handoff(self):
        self.check("handoff-node.yaml", "page", r"hello 127\.0\.0\.1, this is process \d+\n")

    def test_haproxy_by_handoff(self):
        self.check("handoff-haproxy.yaml", "proxy", r"hello, this is haproxy, process \d+\n")

    def test_nginx_by_inherit(self):
        self.check("inherit-nginx.yaml", "web", r"hello 127\.0\.0\.1, this is nginx, process \d+\n")

    def test_haproxy_by_inherit(self):
        self.check("inherit-haproxy.yaml", "proxy", r"hello 127\.0\.0\.1, this is haproxy, process \d+\n")

    def test_node_by_inherit(self):
        self.check("inherit-node.yaml", "page", r"hello 127\.0\.0\.1, this is process \d+\n")

    def test_gunicorn_by_inherit(self):
        self.check("inherit-gunicorn.yaml", "app", r"hello 127\.0\.0\.1, this is process \d+\n")


if __name__ == "__main__":
    street.main()

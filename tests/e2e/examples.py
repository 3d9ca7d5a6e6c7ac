"""Runs a file of config/examples as it stands, but for its port numbers, with the programs that it names."""

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request

import street

FOLDER = street.HERE.parent.parent / "config" / "examples"


def environment():
    """As it is now: a test may have set what its file names."""
    return {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def effective(file):
    """The whole configuration, as portier understands it."""
    done = subprocess.run([str(street.PORTIER), "check", "--effective", "-o", "json", str(file)], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=street.PATIENCE,
                          env=environment())
    answer = json.loads(done.stdout)
    if done.returncode != 0 or answer["diagnostics"]:
        raise AssertionError(done.stdout)
    return answer["effective"]


def numbers_of(config):
    """Every port number that a configuration has portier bind, and its protocol."""
    for key in config["ports"]:
        place, protocol = key.split("/")
        yield int(re.search(r"(\d+)$", place)[1]), protocol
    yield int(config["admin"]["listen"].rsplit(":", 1)[1]), "tcp"


class ExampleStreet(street.Street):
    """`numbers`: what the file's port numbers have become."""

    def __init__(self, folder, name, more_numbers=()):
        self.file = folder / "config" / "examples" / name
        shutil.copytree(FOLDER, self.file.parent)
        (folder / "build").symlink_to(street.BUILD)
        kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
        wanted = {*numbers_of(effective(self.file)), *((number, "tcp") for number in more_numbers)}
        self.numbers = {number: street.free_port(kinds[protocol]) for number, protocol in sorted(wanted)}
        for path in self.file.parent.iterdir():
            path.write_text(re.sub(r"\b\d{4,5}\b", self.replace, path.read_text()))
        self.folder, self.socket, self.log_file = folder, folder / "portier.sock", folder / "portier.log"
        self.config = effective(self.file)
        self.admin_port = self.numbers[7000]
        self.process = None

    def replace(self, found):
        return str(self.numbers.get(int(found[0]), found[0]))

    def write(self, text=None):
        """The file is there."""
        if text is not None:
            self.file.write_text(text)


class Example(street.Case):
    def example(self, name, **options):
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        self.portier = ExampleStreet(folder, name, **options)
        self.streets.append(self.portier)
        self.addCleanup(self.end_street, self.portier)
        return self.portier.start(env=environment())

    def get(self, number=8001):
        """A page from the port that the file calls `number`."""
        place = f"http://127.0.0.1:{self.portier.numbers[number]}/"
        with urllib.request.urlopen(place, timeout=street.PATIENCE) as page:
            return page.read().decode()

    def key(self, number=8001):
        return next(key for key in self.portier.config["ports"] if str(self.portier.numbers[number]) in key)

    def reload_with_other_processes(self, handler):
        """A change that replaces the handler's processes and is nothing else to them."""
        old = set(self.portier.pids(handler).values())
        text = self.portier.file.read_text()
        self.portier.write(text.replace(f"\n  {handler}:\n", f"\n  {handler}:\n    limits: {{core: 0B}}\n"))
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.assertFalse(old & set(self.portier.pids(handler).values()))
        return old

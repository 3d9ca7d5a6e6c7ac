"""config/examples/relay-dns.yaml as it is, but on free ports: dnsmasq behind a relay, asked by dnsperf."""

import os
import pwd
import re
import shutil
import socket
import subprocess

import street

EXAMPLE = street.HERE.parents[1] / "config" / "examples" / "relay-dns.yaml"
QUESTIONS = 1000
ROUNDS = 20  # of all questions


class DnsExample(street.Case):
    def setUp(self):
        super().setUp()
        self.port, server, admin = (street.free_port(socket.SOCK_DGRAM) for _ in range(3))
        text = EXAMPLE.read_text()
        for before, after in (("8053", self.port), ("8054", server), ("127.0.0.1:7000", f"127.0.0.1:{admin}")):
            text = text.replace(before, str(after))
        self.portier = self.street({}, {}, start=False)
        self.portier.admin_port = admin
        self.portier.write = lambda: self.portier.file.write_text(text)
        self.portier.start(env={**os.environ, "DNS_USER": pwd.getpwuid(os.geteuid()).pw_name})
        self.questions = self.folder / "questions"
        self.questions.write_text("".join(f"host{number}.portier.example A\n" for number in range(QUESTIONS)))
        street.wait_until(self.answers, "the DNS server answers")

    def dnsperf(self, *options):
        """How many queries were sent, completed and lost, and the codes of the answers."""
        command = [shutil.which("dnsperf"), "-s", "127.0.0.1", "-p", str(self.port), "-d", str(self.questions), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=4 * street.PATIENCE, check=True)
        numbers = {name: int(number) for name, number in re.findall(r"Queries (\w+): +(\d+)", done.stdout)}
        return numbers, re.search(r"Response codes: +(.*)", done.stdout).group(1)

    def answers(self):
        # Its own timeout is 5 s, and until the server is there nobody answers.
        numbers, _ = self.dnsperf_or_nothing("-n", "1", "-q", "1", "-t", "1", "-l", "1")
        return numbers.get("completed", 0) > 0

    def dnsperf_or_nothing(self, *options):
        try:
            return self.dnsperf(*options)
        except AttributeError:  # no answer, no codes
            return {}, ""

    def check(self, rounds, *options):
        numbers, codes = self.dnsperf("-n", str(rounds), "-c", "20", "-q", "100", *options)
        queries = rounds * QUESTIONS
        self.assertEqual(numbers, {"sent": queries, "completed": queries, "lost": 0})
        self.assertEqual(codes, f"NOERROR {queries} (100.00%)")

    def test_no_query_is_lost(self):
        self.check(ROUNDS)
        self.check(1, "-m", "tcp")  # dnsmasq ends a connection after 100 queries
        metrics = self.portier.metrics()
        self.assertGreaterEqual(metrics.of("portier_datagrams_sent_total", port=f"127.0.0.1:{self.port}/udp"),
                                ROUNDS * QUESTIONS)
        self.assertEqual(metrics.total("portier_datagrams_dropped_total"), 0)


if __name__ == "__main__":
    street.main()

"""UDP servers and clients for the tests of flows: a server of a thread, which tells what it sees, and clients who wait
for the answer to each of their datagrams."""

import contextlib
import socket
import threading

import street


class Server:
    """Answers each datagram with its own name, the source that it sees and the datagram, until it is closed."""

    def __init__(self, name, address="127.0.0.1", port=0):
        self.name = name
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                data, source = self.socket.recvfrom(65536)
                self.socket.sendto(self.answer(data, source), source)

    def answer(self, data, source):
        return f"{self.name} {source[0]} {source[1]} ".encode() + data

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.socket.close()


class Echo(Server):
    """Answers each datagram with itself."""

    def answer(self, data, source):
        return data


class Client:
    """One flow: a socket connected to what it asks, so that a reply from anywhere else is not seen."""

    def __init__(self, port, address="127.0.0.1", source=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self.socket.settimeout(street.PATIENCE)
        self.count = 0

    def ask(self, data):
        self.socket.send(data)
        return self.socket.recv(65536)

    def who(self):
        """The server's name and the source that it saw, from the answer to a new question."""
        self.count += 1
        question = f"question {self.count}".encode()
        self.socket.send(question)
        while True:
            name, address, port, echo = self.socket.recv(65536).split(b" ", 3)
            if echo == question:  # else a late answer to one that was given up
                return name.decode(), address.decode(), int(port)

    def close(self):
        self.socket.close()

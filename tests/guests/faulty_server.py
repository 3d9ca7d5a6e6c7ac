"""An echo server that makes one kind of mistake, to prove that guests counts each in the right place.

A behaviour is a function (connection) that serves one accepted TCP connection, in a thread of its own, or one of
the UDP functions (socket, stopping) that serve all datagrams. Everything ends when the server is closed.
"""

import socket
import struct
import threading

PATIENCE = 30


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def reset_at_once(connection):
    reset(connection)


def close_at_once(connection):
    connection.close()


def reset_after_request(connection):
    connection.recv(65536)
    reset(connection)


def answer_half(connection):
    data = connection.recv(65536)
    connection.sendall(data[: len(data) // 2])


def answer_too_much(connection):
    connection.sendall(connection.recv(65536) + b"!")
    connection.recv(1)


def answer_wrong(connection):
    data = bytearray(connection.recv(65536))
    data[-1] ^= 1
    connection.sendall(data)
    connection.recv(1)


def stay_silent(connection):
    while connection.recv(65536):
        pass


def corrupt_later(connection, after=1_000_000):
    """Echoes well, and changes one byte when `after` bytes have passed."""
    passed = 0
    while data := bytearray(connection.recv(65536)):
        if passed <= after < passed + len(data):
            data[after - passed] ^= 1
        passed += len(data)
        connection.sendall(data)


def drop_later(connection, after=1_000_000):
    """Leaves one received piece out and echoes everything else."""
    passed = 0
    while data := connection.recv(65536):
        left_out = passed <= after < passed + len(data)
        passed += len(data)
        if not left_out:
            connection.sendall(data)


def close_later(connection, after=1_000_000):
    passed = 0
    while passed < after and (data := connection.recv(65536)):
        passed += len(data)
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def stall_first(seconds):
    """The first request waits; all later ones are answered at once."""
    def serve(connection):
        data = connection.recv(65536)
        threading.Event().wait(seconds)
        connection.sendall(data)
        echo(connection)
    return serve


def udp(answer):
    """Makes a UDP behaviour of answer(datagram, sequence number of the datagram) -> list of datagrams."""
    def serve(server_socket, stopping):
        count = 0
        while not stopping.is_set():
            try:
                datagram, client = server_socket.recvfrom(65536)
            except TimeoutError:
                continue
            for reply in answer(datagram, count):
                server_socket.sendto(reply, client)
            count += 1
    return serve


class TcpServer:
    def __init__(self, behaviour, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, 0), family=family, backlog=1024)
        self.address = f"[{host}]:{self._port()}" if family == socket.AF_INET6 else f"{host}:{self._port()}"
        self.behaviour = behaviour
        self.connections = []
        self.clients = []
        self.ended = 0
        self.changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _port(self):
        return self.socket.getsockname()[1]

    def _accept(self):
        while True:
            try:
                connection, client = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            self.clients.append(client[0])
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.behaviour(connection)
        except OSError:
            pass
        connection.close()
        with self.changed:
            self.ended += 1
            self.changed.notify_all()

    def wait_for_ended(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: self.ended >= count, PATIENCE):
                raise TimeoutError(f"{self.ended} of {count} connections ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class UdpServer:
    def __init__(self, behaviour):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=behaviour, args=(self.socket, self.stopping), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.socket.close()

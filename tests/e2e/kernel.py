"""What the tests ask the kernel: network namespaces and counters, sockets, and facts about processes from /proc."""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
CLOSE_WAIT, LISTEN = 8, 10  # states of TCP
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_DONE = 3


def isolate_network():
    """A new network namespace with a working lo for this process and its children; False when not root."""
    if os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    # Beyond this many the kernel forgets closed connections early, and then resets what still comes for them.
    pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("4000000")
    return True


def counters():
    """/proc/net/snmp and netstat as one dictionary: "TcpExt.ListenDrops", "Tcp.OutRsts", ..."""
    result = {}
    for file in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = pathlib.Path(file).read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            group = names.split()[0].rstrip(":")
            for name, value in zip(names.split()[1:], values.split()[1:]):
                result[f"{group}.{name}"] = int(value)
    return result


def harm(deltas):
    """Connections that the kernel dropped or reset. Tcp.OutRsts is no measure of that: with both ends on this machine a
    late segment of a connection that both have closed properly is answered by a reset now and then."""
    return sum(deltas[name] for name in ("TcpExt.ListenDrops", "TcpExt.ListenOverflows", "Tcp.EstabResets",
                                         "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnMemory",
                                         "TcpExt.TCPReqQFullDrop"))


def listener_inodes(port):
    """Of the TCP listeners with this local port, IPv4 and IPv6; asked by netlink (sock_diag(7)), because /proc/net/tcp
    would list every closed connection too."""
    return sorted(inode for family in (socket.AF_INET, socket.AF_INET6)
                  for local, inode in dump_sockets(family, LISTEN) if local == port)


def waiting_to_be_closed():
    """Local ports of the TCP sockets whose peer has said goodbye, and that nobody has closed."""
    return [port for family in (socket.AF_INET, socket.AF_INET6) for port, _ in dump_sockets(family, CLOSE_WAIT)]


def dump_sockets(family, state):
    """(local port, inode) of every TCP socket in this state."""
    request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 1 << state)
    header = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.sendto(header + request, (0, 0))
        while True:
            data = netlink.recv(65536)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return
                if kind != SOCK_DIAG_BY_FAMILY:
                    raise OSError(f"sock_diag answered with a message of type {kind}")
                (port,) = struct.unpack_from("!H", data, 16 + 4)       # inet_diag_msg.id.idiag_sport
                (inode,) = struct.unpack_from("=I", data, 16 + 68)     # inet_diag_msg.idiag_inode
                yield port, inode
                data = data[(size + 3) & ~3:]


def udp_inodes(port):
    found = []
    for file in ("/proc/net/udp", "/proc/net/udp6"):
        for line in pathlib.Path(file).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rsplit(":", 1)[1], 16) == port:
                found.append(int(fields[9]))
    return sorted(found)


def unix_inodes():
    return {int(line.split()[6]) for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]}


def netlink_inodes():
    return {int(line.split()[9]) for line in pathlib.Path("/proc/net/netlink").read_text().splitlines()[1:]}


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks
                for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid):
    return [each for child in children(pid) for each in [child, *descendants(child)]]


def read(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def command_line(pid):
    return read(pid, "cmdline").split("\0")[:-1]


def is_running(pid):
    """Whether there is such a process and it is no zombie."""
    stat = read(pid, "stat")
    return bool(stat) and stat.rsplit(")", 1)[1].split()[0] != "Z"


def status(pid):
    """/proc/PID/status as a dictionary of texts."""
    return {key: value.strip() for key, value in
            (line.split(":", 1) for line in read(pid, "status").splitlines())}


def limit(pid, name):
    """[soft, hard] as /proc/PID/limits prints it."""
    (line,) = (line for line in read(pid, "limits").splitlines() if line.startswith(name))
    return line[len(name):].split()[:2]


def cpu_seconds(pid):
    fields = read(pid, "stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    for line in read(pid, "smaps_rollup").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no resident size of process {pid}")


def descriptors(pid):
    """What the descriptors of a process are: number -> "socket:[1]", "/dev/null", ..."""
    result = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            result[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass
    return result

"""What is compared with what: the servers, and what is measured with them."""

from dataclasses import dataclass

from relay_servers import RelayFleet
from servers import Fleet
from udp_servers import UdpFleet


@dataclass(frozen=True)
class Mode:
    """One thing that is measured, with these options of guests: `options` go behind the target, and the last of them
    takes the number at a time."""

    command: str
    options: tuple
    at_a_time: int | None = None  # None: as asked for
    size: int | None = None
    in_mib: bool = False  # what came back counts, not the operations
    without: tuple = ()  # servers that cannot take part


@dataclass(frozen=True)
class Comparison:
    about: str
    fleet: type
    modes: dict
    references: tuple = ("bare", "haproxy")  # what the ratios of the tables are of
    counts_own_cpu: bool = False  # CPU time is that of the server's processes, not of the machine

    @property
    def servers(self):
        return self.fleet.names()


CRR = Mode("crr", ("--concurrency",))
RR = Mode("rr", ("--connections",))
BULK = Mode("stream", ("--connections",), at_a_time=4, size=128 * 1024, in_mib=True)

COMPARISONS = {
    "handoff": Comparison("portier's handoff with a bare accept loop, HAProxy and nginx", Fleet,
                          {"crr": CRR, "rr": RR}),
    "relay": Comparison("portier's TCP relay with HAProxy (as it comes, and tuned) and nginx stream", RelayFleet,
                        {"bulk": BULK, "rr": RR, "crr": CRR}, ("haproxy", "haproxy-tuned"), counts_own_cpu=True),
    # nginx keeps each flow for its whole timeout and soon has no connection left for new ones, which is no rate.
    "udp": Comparison("portier's UDP relay with a bare echo server and nginx", UdpFleet,
                      {"udp": Mode("udp", ("--flows",)),
                       "udp-new": Mode("udp", ("--new-flow-per-request", "--flows"), without=("nginx",))},
                      ("bare", "nginx")),
}

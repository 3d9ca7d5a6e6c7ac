"""The TCP relays that are compared, all in front of the bare echo server, and the CPU time of each."""

import os
import pathlib

from servers import HAPROXY_DEFAULT, HAPROXY_TUNED, Fleet, free_port, program

# For bulk: splice pays with large pipes only, and `splice-auto` never begins with it here (seen with strace), so it is
# told to.
SPLICING = {
    **HAPROXY_TUNED,
    "tuned_global": f"{HAPROXY_TUNED['tuned_global']}\n    tune.pipesize 1048576",
    "tuned_defaults": HAPROXY_TUNED["tuned_defaults"].replace("splice-auto", "splice-request\n    option splice-response"),
}


def cpu_seconds(pid):
    """Of a process and its living descendants."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        children = [int(child) for task in os.listdir(f"/proc/{pid}/task")
                    for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children))


class RelayFleet(Fleet):
    def __init__(self, *arguments, **keys):
        super().__init__(*arguments, **keys)
        self.by_port = {}

    def start(self, name):
        if self.backend is None:
            self.backend = self._bare()
        return self.backend if name == "bare" else STARTERS[name](self)

    def _run(self, name, command, port):
        port = super()._run(name, command, port)
        self.by_port[port] = self.running[-1]
        return port

    def cpu_seconds(self, port):
        return cpu_seconds(self.by_port[port].pid)

    def _relay(self):
        portier = program("portier", [self.build / "router/portier", self.build / "portier"])
        port = free_port()
        config = self._render("portier-relay.yaml.in", "portier-relay.yaml", port=port, admin=free_port(),
                              backend=self.backend, directory=self.directory)
        return self._run("relay", [portier, "run", config], port)


STARTERS = {
    "relay": RelayFleet._relay,
    "haproxy": lambda fleet: fleet._haproxy("haproxy", HAPROXY_DEFAULT),
    "haproxy-tuned": lambda fleet: fleet._haproxy("haproxy-tuned", SPLICING),
    "nginx": Fleet._nginx,
}
NAMES = ["bare", *STARTERS]

"""The TCP relays that are compared, all in front of the bare echo server."""

from servers import HAPROXY_DEFAULT, HAPROXY_TUNED, Fleet, free_port

# For bulk: splice pays with large pipes only, and `splice-auto` never begins with it here (seen with strace), so it is
# told to.
SPLICING = {
    **HAPROXY_TUNED,
    "tuned_global": f"{HAPROXY_TUNED['tuned_global']}\n    tune.pipesize 1048576",
    "tuned_defaults": HAPROXY_TUNED["tuned_defaults"].replace("splice-auto", "splice-request\n    option splice-response"),
}


class RelayFleet(Fleet):
    def _relay(self):
        return self._portier("relay", "portier-relay.yaml.in", free_port(), backend=self.backend)

    STARTERS = {
        "relay": _relay,
        "haproxy": lambda fleet: fleet._haproxy("haproxy", HAPROXY_DEFAULT),
        "haproxy-tuned": lambda fleet: fleet._haproxy("haproxy-tuned", SPLICING),
        "nginx": lambda fleet: fleet._nginx("nginx.conf.in", free_port()),
    }

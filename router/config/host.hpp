// What this machine and this process allow, as far as a configuration can ask for it. A value, so that a test can say
// "not root" without being so. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace portier::config {

struct Host {
    uid_t user = 0;
    bool can_change_user = false;             // CAP_SETUID and CAP_SETGID
    bool can_bind_low_ports = false;          // CAP_NET_BIND_SERVICE
    bool can_raise_limits = false;            // CAP_SYS_RESOURCE
    bool can_be_transparent = false;          // CAP_NET_ADMIN
    unsigned first_unprivileged_port = 1024;  // net.ipv4.ip_unprivileged_port_start
    std::uint64_t most_open_files = 1048576;  // fs.nr_open: of one process, whoever it is
    std::function<std::optional<std::string>(const std::string&)> variable;
    std::function<std::uint64_t(int resource)> hard_limit;  // getrlimit(2); RLIM_INFINITY: none
};

Host this_host();

}  // namespace portier::config

#include "config/host.hpp"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace portier::config {

namespace {

// The effective capabilities as a bit set; none when the kernel does not say.
std::uint64_t capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capget, &header, data) != 0) return 0;
    return data[0].effective | (static_cast<std::uint64_t>(data[1].effective) << 32);
}

bool has(std::uint64_t set, int capability) {
    return (set >> capability & 1) != 0;
}

// What a file of /proc/sys says.
std::uint64_t setting(const char* file, std::uint64_t if_unknown) {
    std::ifstream stream(file);
    std::uint64_t value = 0;
    return stream >> value ? value : if_unknown;
}

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::uint64_t hard_limit(int resource) {
    rlimit limit{};
    return ::getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 ? limit.rlim_max : RLIM_INFINITY;
}

}  // namespace

Host this_host() {
    const std::uint64_t set = capabilities();
    return {.user = ::geteuid(),
            .can_change_user = has(set, CAP_SETUID) && has(set, CAP_SETGID),
            .can_bind_low_ports = has(set, CAP_NET_BIND_SERVICE),
            .can_raise_limits = has(set, CAP_SYS_RESOURCE),
            .can_be_transparent = has(set, CAP_NET_ADMIN),
            .first_unprivileged_port =
                static_cast<unsigned>(setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024)),
            .most_open_files = setting("/proc/sys/fs/nr_open", 1048576),
            .variable = environment,
            .hard_limit = hard_limit};
}

}  // namespace portier::config

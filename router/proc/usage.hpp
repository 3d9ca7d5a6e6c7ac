// What a process uses now, from /proc (proc(5)). Any thread. A process that is gone, or that we may not look at, gives
// nullopt or zeros.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace portier::proc {

struct Usage {
    std::uint64_t cpu_microseconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_fds = 0;
};

std::optional<Usage> read_usage(pid_t pid);

// The inodes of the sockets that it has open; empty when we may not look.
std::vector<std::uint64_t> socket_inodes(pid_t pid);

// All processes by the session that they are in (getsid(2)): a handler process with those that it has forked.
std::unordered_multimap<pid_t, pid_t> processes_by_session();
// The inodes of the sockets that any process of this session has open.
std::unordered_set<std::uint64_t> socket_inodes(const std::unordered_multimap<pid_t, pid_t>& processes, pid_t session);

struct Owner {
    pid_t pid;
    std::string name;
};
// Some process that has this socket open, among those that we may look at.
std::optional<Owner> find_socket_owner(std::uint64_t inode);

}  // namespace portier::proc

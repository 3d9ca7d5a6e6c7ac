// Starts a program with exactly the descriptors, identity, limits and environment that were declared, and watches it
// by pidfd, so that a process id is never confused with a later one. The keeper's thread only: the caller must be
// single-threaded, because the child runs code between fork and exec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "proc/identity.hpp"

namespace portier::proc {

struct ResourceLimit {
    int resource;  // RLIMIT_NOFILE, ...
    std::uint64_t value;
};

struct Command {
    std::string program;                             // absolute path
    int executable = -1;                             // run this open file instead of what lies at `program`
    std::vector<std::string> argv;                   // argv[0] included
    std::map<std::string, std::string> environment;  // all of it
    std::string pid_variable;                        // set to the child's own pid, "LISTEN_PID"; empty: none
    std::string working_directory;                   // empty: as it is
    std::optional<Identity> identity;
    bool drop_capabilities = false;      // also those that root would keep
    std::optional<int> kept_capability;  // CAP_...: the one that is not dropped, in spite of another user
    std::vector<ResourceLimit> limits;
    std::optional<std::uint64_t> soft_descriptor_limit;  // only the soft one; more if the descriptors below need it
    int parent_death_signal = 0;                         // prctl(2) PR_SET_PDEATHSIG; 0: none
    // Descriptors: at which number the child gets which of ours. 0, 1 and 2 that are not named are /dev/null.
    std::vector<std::pair<int, int>> descriptors;  // {number in the child, ours}
};

struct Child {
    pid_t pid = -1;
    Fd pidfd;
};

// The child is the leader of a new session and process group. Throws std::system_error that says which step failed
// (for example "handler veg: exec /usr/bin/kitchen: No such file or directory"); then no process is left behind.
Child spawn(const Command& command, const std::string& what);

// What a child tells when a step before exec failed; it exits with 127 then.
struct StartFailure {
    pid_t pid;
    int error;  // errno
    char step[32];
};
// "exec /usr/bin/kitchen: Permission denied"
std::string to_string(const StartFailure& failure, const std::string& program);

// As spawn(), but does not wait until the program runs: throws only when there is no child. What fails in the child is
// written to `reports`, the write end of a pipe, before its end can be seen.
Child launch(const Command& command, const std::string& what, int reports);

// As fork(2), with more CLONE_ flags if wanted. In the child the pid is 0 and every signal is blocked; -1: errno says
// why there is none.
Child clone_child(std::uint64_t flags = 0);

struct Ending {
    bool exited = true;      // false: by a signal
    int value = 0;           // exit code or signal number
    double cpu_seconds = 0;  // of the process and its waited-for children
};

// Reaps a process that has ended or was killed. nullopt: it cannot be reaped yet, because it hangs in the kernel for
// more than 5 s, or because somebody traces it (ptrace(2)) and has not let go of it.
std::optional<Ending> reap(const Child& child);
std::string to_string(const Ending& ending);  // "exit code 1", "signal SIGSEGV"

// Sends a signal to the process, or to its whole group. Errors (already gone) are no news. The group is killed before
// its leader is reaped: until then nobody else can get its number.
void send_signal(const Child& child, int signal);
void kill_group(const Child& child, int signal);

}  // namespace portier::proc

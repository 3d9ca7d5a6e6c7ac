#include "proc/child_setup.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace portier::proc {

namespace {

// For what a program opens before it can raise its own limit.
constexpr rlim_t kSpareDescriptors = 64;

class ChildSetup {
public:
    ChildSetup(const Command& command, ChildMemory& memory, int report)
        : command_(command), memory_(memory), report_(report) {}

    [[noreturn]] void run() {
        if (!command_.pid_variable.empty()) write_own_pid();
        reset_signals();
        if (::setsid() < 0) fail("setsid");
        set_limits();
        if (!command_.working_directory.empty() && ::chdir(command_.working_directory.c_str()) < 0) fail("chdir");
        if (command_.drop_capabilities) shrink_bounding_set();
        if (command_.kept_capability) ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        become_user();
        // What portier may do by AmbientCapabilities= of systemd is not for the programs that it starts.
        ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (command_.drop_capabilities) drop_capabilities();
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("no_new_privs");
        // After the change of user, which clears it (prctl(2)).
        if (command_.parent_death_signal) ::prctl(PR_SET_PDEATHSIG, command_.parent_death_signal, 0, 0, 0);
        place_descriptors();
        set_low_descriptor_limit();
        if (executable_ >= 0)
            ::execveat(executable_, "", memory_.argv.data(), memory_.environment.data(), AT_EMPTY_PATH);
        else
            ::execve(command_.program.c_str(), memory_.argv.data(), memory_.environment.data());
        fail("exec");
    }

private:
    [[noreturn]] void fail(const char* step) {
        StartFailure failure{::getpid(), errno, {}};
        ::strncpy(failure.step, step, sizeof failure.step - 1);
        [[maybe_unused]] const ssize_t written = ::write(report_, &failure, sizeof failure);
        ::_exit(127);
    }

    void write_own_pid() {
        char* digits = memory_.environment[memory_.environment.size() - 2] + command_.pid_variable.size() + 1;
        std::to_chars(digits, digits + kPidDigits, ::getpid());
    }

    void reset_signals() {
        for (int signal = 1; signal < _NSIG; ++signal) ::signal(signal, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
    }

    void set_limits() {
        for (const ResourceLimit& limit : command_.limits)
            if (!is_low_descriptor_limit(limit)) set_limit(limit);
    }

    // Placing the descriptors takes twice as many for a moment, so a lower limit on them comes after that.
    void set_low_descriptor_limit() {
        for (const ResourceLimit& limit : command_.limits)
            if (is_low_descriptor_limit(limit)) set_limit(limit);
        rlimit present{};
        if (!command_.soft_descriptor_limit || ::getrlimit(RLIMIT_NOFILE, &present) < 0) return;
        const rlim_t needed = command_.descriptors.size() + kSpareDescriptors;
        present.rlim_cur = std::min(present.rlim_max, std::max<rlim_t>(*command_.soft_descriptor_limit, needed));
        if (::setrlimit(RLIMIT_NOFILE, &present) < 0) fail("setrlimit");
    }

    static bool is_low_descriptor_limit(const ResourceLimit& limit) {
        rlimit present{};
        return limit.resource == RLIMIT_NOFILE && ::getrlimit(RLIMIT_NOFILE, &present) == 0 &&
               limit.value < present.rlim_max;
    }

    void set_limit(const ResourceLimit& limit) {
        const rlimit value{limit.value, limit.value};
        if (::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &value) < 0) fail("setrlimit");
    }

    void become_user() {
        if (!command_.identity) return;
        const Identity& identity = *command_.identity;
        if (::setgroups(identity.groups.size(), identity.groups.data()) < 0) fail("setgroups");
        if (::setresgid(identity.gid, identity.gid, identity.gid) < 0) fail("setgid");
        if (::setresuid(identity.uid, identity.uid, identity.uid) < 0) fail("setuid");
    }

    // Needs CAP_SETPCAP, which goes with the change of user.
    void shrink_bounding_set() {
        for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
            // What is not in this set cannot be made inheritable either (capset(2)).
            if (capability != command_.kept_capability) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }

    void drop_capabilities() {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2]{};
        if (const auto kept = command_.kept_capability) {
            auto& set = sets[CAP_TO_INDEX(*kept)];
            set.effective = set.permitted = set.inheritable = CAP_TO_MASK(*kept);
        }
        if (::syscall(SYS_capset, &header, sets) < 0) fail("capset");
        // Ambient: it stays over execve(2) of a file that has none (capabilities(7)).
        if (command_.kept_capability &&
            ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, *command_.kept_capability, 0, 0) < 0)
            fail("keep a capability");
    }

    // First out of the way of the numbers wanted, then into place: a source may sit on another's destination.
    void place_descriptors() {
        int beyond = 3;
        for (const auto& [number, ours] : command_.descriptors) beyond = std::max(beyond, number + 1);
        report_ = move_beyond(report_, beyond);
        if (command_.executable >= 0) executable_ = move_beyond(command_.executable, beyond);
        std::size_t next = 0;
        for (const auto& [number, ours] : command_.descriptors) memory_.moved[next++] = move_beyond(ours, beyond);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int standard = 0; standard < 3; ++standard)
            if (null < 0 || ::dup2(null, standard) < 0) fail("open /dev/null");
        next = 0;
        for (const auto& [number, ours] : command_.descriptors)
            if (::dup2(memory_.moved[next++], number) < 0) fail("dup2");
        if (::close_range(static_cast<unsigned>(beyond), ~0u, CLOSE_RANGE_CLOEXEC) < 0) fail("close_range");
        close_holes(beyond);
    }

    int move_beyond(int fd, int beyond) {
        const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, beyond);
        if (moved < 0) fail("dup");
        return moved;
    }

    // Numbers between the standard ones and the highest declared one that nobody declared.
    void close_holes(int beyond) {
        for (int number = 3; number < beyond; ++number) {
            const bool declared = std::any_of(command_.descriptors.begin(), command_.descriptors.end(),
                                              [number](const auto& d) { return d.first == number; });
            if (!declared) ::close(number);
        }
    }

    const Command& command_;
    ChildMemory& memory_;
    int report_;
    int executable_ = -1;
};

}  // namespace

void run_child(const Command& command, ChildMemory& memory, int report) {
    ChildSetup(command, memory, report).run();
}

}  // namespace portier::proc

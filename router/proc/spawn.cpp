#include "proc/spawn.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"

namespace portier::proc {

namespace {

// For what a program opens before it can raise its own limit.
constexpr rlim_t kSpareDescriptors = 64;

// What the child tells the parent when a step before exec failed.
struct Failure {
    char step[32];
    int error;
};

// Everything here runs between fork and exec: system calls only, no allocation that the parent could have left locked.
class ChildSetup {
public:
    struct Memory {  // made by the parent
        std::vector<char*> argv, environment;
        std::vector<int> moved;  // as many as there are descriptors
    };

    ChildSetup(const Command& command, Memory& memory, int report)
        : command_(command), memory_(memory), report_(report) {}

    [[noreturn]] void run() {
        reset_signals();
        if (::setsid() < 0) fail("setsid");
        set_limits();
        if (!command_.working_directory.empty() && ::chdir(command_.working_directory.c_str()) < 0) fail("chdir");
        if (command_.drop_capabilities) shrink_bounding_set();
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
        Failure failure{};
        ::strncpy(failure.step, step, sizeof failure.step - 1);
        failure.error = errno;
        [[maybe_unused]] const ssize_t written = ::write(report_, &failure, sizeof failure);
        ::_exit(127);
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
            ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }

    void drop_capabilities() {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct none[2]{};
        if (::syscall(SYS_capset, &header, none) < 0) fail("capset");
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
    Memory& memory_;
    int report_;
    int executable_ = -1;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> environment_strings(const Command& command) {
    std::vector<std::string> result;
    for (const auto& [name, value] : command.environment) result.push_back(name + "=" + value);
    // Room for the largest pid: filled in by the child, which alone knows it.
    if (!command.pid_variable.empty()) result.push_back(command.pid_variable + "=" + std::string(12, '\0'));
    return result;
}

void write_own_pid(std::string& variable, std::size_t name_length) {
    char digits[12];
    int count = 0;
    for (pid_t rest = ::getpid(); rest > 0; rest /= 10) digits[count++] = static_cast<char>('0' + rest % 10);
    for (int i = 0; i < count; ++i) variable[name_length + 1 + static_cast<std::size_t>(i)] = digits[count - 1 - i];
}

}  // namespace

namespace {

std::vector<gid_t> groups_of(const std::string& user, gid_t primary) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (::getgrouplist(user.c_str(), primary, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(user.c_str(), primary, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
}

}  // namespace

std::optional<Identity> find_identity(const std::string& user, const std::string& group) {
    Identity identity{::geteuid(), ::getegid(), {}, "", ""};
    if (!user.empty()) {
        const passwd* entry = ::getpwnam(user.c_str());
        if (!entry) return std::nullopt;
        identity = {entry->pw_uid, entry->pw_gid, {}, entry->pw_name, entry->pw_dir};
    }
    if (!group.empty()) {
        const ::group* other = ::getgrnam(group.c_str());
        if (!other) return std::nullopt;
        identity.gid = other->gr_gid;
    }
    identity.groups = user.empty() ? own_groups() : groups_of(identity.user, identity.gid);
    return identity;
}

Child spawn(const Command& command, const std::string& what) {
    int report[2];
    if (::pipe2(report, O_CLOEXEC) < 0) throw_errno(what + ": pipe");
    Fd report_read(report[0]), report_write(report[1]);

    std::vector<std::string> argv_strings = command.argv;
    std::vector<std::string> environment = environment_strings(command);
    ChildSetup::Memory memory{pointers(argv_strings), pointers(environment),
                              std::vector<int>(command.descriptors.size())};

    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) throw_errno(what + ": clone");
    if (pid == 0) {
        if (!command.pid_variable.empty()) write_own_pid(environment.back(), command.pid_variable.size());
        ChildSetup(command, memory, report_write.get()).run();
    }

    Child child{static_cast<pid_t>(pid), Fd(pidfd)};
    report_write.reset();
    Failure failure{};
    // End of file: exec closed the pipe, the program runs.
    ssize_t size;
    do {
        size = ::read(report_read.get(), &failure, sizeof failure);
    } while (size < 0 && errno == EINTR);
    if (size == static_cast<ssize_t>(sizeof failure)) {
        reap(child);
        const std::string detail = std::string(failure.step) == "exec" ? " " + command.program : "";
        throw_errno(what + ": " + failure.step + detail, failure.error);
    }
    return child;
}

std::optional<Ending> reap(const Child& child) {
    siginfo_t info{};
    rusage usage{};
    // The raw call also gives the resource usage, which waitid(3) of the C library leaves out. By pid, which is ours
    // until this call: Asio makes the pidfd non-blocking, and then waiting through it would fail with EAGAIN.
    if (::syscall(SYS_waitid, P_PID, child.pid, &info, WEXITED, &usage) < 0) return std::nullopt;
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return Ending{info.si_code == CLD_EXITED, info.si_status, seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

std::string to_string(const Ending& ending) {
    if (ending.exited) return "exit code " + std::to_string(ending.value);
    const char* name = ::sigabbrev_np(ending.value);
    return "signal " + (name ? "SIG" + std::string(name) : std::to_string(ending.value));
}

void send_signal(const Child& child, int signal) {
    if (child.pidfd) ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), signal, nullptr, 0);
}

void kill_group(const Child& child, int signal) {
    if (child.pid > 0) ::kill(-child.pid, signal);
}

}  // namespace portier::proc

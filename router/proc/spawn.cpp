#include "proc/spawn.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "proc/child_setup.hpp"

namespace portier::proc {

namespace {

constexpr int kPatienceMs = 5000;

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
    if (!command.pid_variable.empty()) result.push_back(command.pid_variable + "=" + std::string(kPidDigits, '\0'));
    return result;
}

}  // namespace

Child clone_child(std::uint64_t flags) {
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD | flags;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    // Until the child has forgotten our handlers: a signal for it would else be told to us, through what they write to.
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) return {0, Fd()};
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return {static_cast<pid_t>(pid), Fd(pidfd)};
}

Child launch(const Command& command, const std::string& what, int reports) {
    std::vector<std::string> argv_strings = command.argv;
    std::vector<std::string> environment = environment_strings(command);
    ChildMemory memory{pointers(argv_strings), pointers(environment), std::vector<int>(command.descriptors.size())};

    Child child = clone_child();
    if (child.pid == 0) run_child(command, memory, reports);
    if (child.pid < 0) throw_errno(what + ": clone");
    return child;
}

Child spawn(const Command& command, const std::string& what) {
    int report[2];
    if (::pipe2(report, O_CLOEXEC) < 0) throw_errno(what + ": pipe");
    Fd report_read(report[0]), report_write(report[1]);
    Child child = launch(command, what, report_write.get());
    report_write.reset();
    StartFailure failure{};
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
    pollfd ended{child.pidfd.get(), POLLIN, 0};
    while (::poll(&ended, 1, kPatienceMs) < 0 && errno == EINTR) {
    }
    siginfo_t info{};
    rusage usage{};
    // The raw call also gives the resource usage, which waitid(3) of the C library leaves out. By pid, which is ours
    // until this call: Asio makes the pidfd non-blocking, and then waiting through it would fail with EAGAIN.
    const long error = ::syscall(SYS_waitid, P_PID, child.pid, &info, WEXITED | WNOHANG, &usage);
    if (error < 0 || info.si_pid == 0) return std::nullopt;
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return Ending{info.si_code == CLD_EXITED, info.si_status, seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

std::string to_string(const StartFailure& failure, const std::string& program) {
    const bool exec = std::string_view(failure.step) == "exec";
    return failure.step + (exec ? " " + program : "") + ": " + errno_code(failure.error).message();
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
    // Right after launch() it may not lead a group yet.
    if (child.pid > 0 && ::kill(-child.pid, signal) < 0) send_signal(child, signal);
}

}  // namespace portier::proc

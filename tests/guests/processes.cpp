#include "processes.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "clock.hpp"
#include "process.hpp"
#include "progress.hpp"
#include "script.hpp"
#include "stage.hpp"

namespace portier::guests {
namespace {

constexpr std::uint64_t kReserve = 64;        // descriptors of a process that are not connections
constexpr std::int64_t kGrace = 5 * kSecond;  // after the limit, before a process is killed
constexpr std::int64_t kRefresh = 200 * kMillisecond;

struct Child {
    pid_t pid;
    Fd pidfd;
};

[[noreturn]] void be_process(const Options& options, std::uint32_t process, Stage& stage, std::int64_t limit_ns) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int code = 0;
    try {
        run_process(options, process, stage, limit_ns);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "guests: process %u: %s\n", process, error.what());
        code = 1;
    }
    ::_exit(code);
}

class Run {
public:
    explicit Run(const Options& options)
        : options_(options),
          limit_ns_(now_ns() + options.limit.count()),
          stage_(options.processes),
          progress_(options, stage_),
          script_(options.until_stdin) {
        std::fflush(nullptr);
        for (std::uint32_t process = 0; process < options.processes; ++process) start(process);
    }

    Result finish() {
        while (!children_.empty()) {
            wait_for_something();
            reap();
            pass_gate();
            pass_stop();
            progress_.show();
            if (now_ns() > limit_ns_ + kGrace) kill_all();
        }
        progress_.clear();
        for (const Share& share : stage_.shares()) result_.tally.merge(share.tally);
        return result_;
    }

private:
    void start(std::uint32_t process) {
        const pid_t pid = ::fork();
        if (pid < 0) throw_errno("fork");
        if (pid == 0) be_process(options_, process, stage_, limit_ns_);
        children_.push_back({pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))});
        if (!children_.back().pidfd) throw_errno("pidfd_open");
    }

    void wait_for_something() {
        std::vector<pollfd> wanted{{.fd = stage_.readiness(), .events = POLLIN, .revents = 0},
                                   {.fd = script_.descriptor(), .events = POLLIN, .revents = 0}};
        for (const Child& child : children_)
            wanted.push_back({.fd = child.pidfd.get(), .events = POLLIN, .revents = 0});
        ::poll(wanted.data(), wanted.size(), static_cast<int>(kRefresh / kMillisecond));
        if (wanted[0].revents != 0) stage_.read_ready();
        if (wanted[1].revents != 0) script_.read();
    }

    void reap() {
        std::erase_if(children_, [this](const Child& child) {
            int status = 0;
            if (::waitpid(child.pid, &status, WNOHANG) == 0) return false;
            if (status != 0) ++result_.broken_processes;
            return true;
        });
    }

    // A process that has ended will never be ready, and nobody waits for it.
    void pass_gate() {
        if (gate_is_open_) return;
        const auto shares = stage_.shares();
        const auto ready = std::ranges::count_if(shares, [](const Share& share) { return share.ready.load(); });
        if (static_cast<std::size_t>(ready) + result_.broken_processes < shares.size()) return;
        if (ready_ns_ == 0) ready_ns_ = now_ns();
        if (options_.mode == ModeName::hold && !held_long_enough()) return;
        gate_is_open_ = true;
        stage_.open_gate();
    }

    bool held_long_enough() {
        script_.announce(fmt::format("holding {}", progress_.open()));
        return options_.until_stdin ? script_.answered() : now_ns() >= ready_ns_ + options_.duration.count();
    }

    void pass_stop() {
        if (!gate_is_open_ || options_.mode == ModeName::hold) return;
        script_.announce("running");
        if (script_.answered() && !std::exchange(stopped_, true)) stage_.say_stop();
    }

    void kill_all() {
        for (const Child& child : children_) ::kill(child.pid, SIGKILL);
    }

    const Options& options_;
    const std::int64_t limit_ns_;
    Stage stage_;
    Progress progress_;
    Script script_;
    std::vector<Child> children_;
    bool gate_is_open_ = false;
    bool stopped_ = false;
    std::int64_t ready_ns_ = 0;  // when all connections had been tried
    Result result_;
};

}  // namespace

std::uint32_t processes_needed(const Options& options) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const std::uint64_t each = limit.rlim_cur > 2 * kReserve ? limit.rlim_cur - kReserve : kReserve;
    const std::uint64_t needed = (options.slots + each - 1) / each;
    return std::max(options.processes, static_cast<std::uint32_t>(needed));
}

Result run_processes(const Options& options) {
    return Run(options).finish();
}

}  // namespace portier::guests

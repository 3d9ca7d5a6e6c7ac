#include "keeper/orphans.hpp"

#include <sys/wait.h>

namespace portier::keeper {

namespace {

constexpr std::chrono::seconds kPeriod{1};

}  // namespace

Orphans::Orphans(boost::asio::io_context& io, std::function<bool(pid_t)> is_ours)
    : is_ours_(std::move(is_ours)), next_(io) {}

void Orphans::start() {
    reap();
    next_.set(kPeriod, [this] { start(); });
}

void Orphans::reap() {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
        // One of ours stands before the others in the kernel's list until its pidfd is handled, in this turn or the
        // next.
        if (is_ours_(info.si_pid)) return;
        ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
    }
}

}  // namespace portier::keeper

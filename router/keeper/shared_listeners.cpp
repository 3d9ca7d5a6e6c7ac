#include "keeper/shared_listeners.hpp"

#include <set>
#include <unordered_set>

#include "base/clock.hpp"
#include "proc/usage.hpp"

namespace portier::keeper {

namespace {

constexpr std::chrono::milliseconds kPeriod{2000};
constexpr int kRest = 50;

}  // namespace

void SharedListeners::assign(const config::Config& config, const std::vector<const Slot*>& slots) {
    std::set<std::string> shared;
    for (const config::Handler& handler : config.handlers)
        if (handler.delivery == config::Delivery::inherit && handler.processes > 1) shared.insert(handler.name);
    intervals_.clear();
    for (const config::Port& port : config.ports)
        if (port.protocol == config::Protocol::tcp && shared.contains(port.handler))
            intervals_.push_back({port.first, port.last});
    intervals_ = net::merge_intervals(std::move(intervals_));
    processes_.clear();
    for (const Slot* slot : slots)
        if (const HandlerProcess* process = slot->process(); process && shared.contains(process->handler()))
            processes_.push_back({process->pid(), process->row()});
    if (intervals_.empty())
        next_count_.cancel();
    else
        next_count_.set(std::chrono::milliseconds(0), [this] { count(); });
}

void SharedListeners::count() {
    const std::uint64_t begin = monotonic_milliseconds();
    std::unordered_set<std::uint64_t> connections;
    const auto visit = [&](const net::SocketReport& report) {
        if (report.inode) connections.insert(report.inode);
    };
    if (!net::dump_sockets(net::DumpWhat::connections, intervals_, visit)) {
        const auto all = proc::processes_by_session();
        for (const Process& process : processes_) {
            std::uint64_t held = 0;
            for (const std::uint64_t inode : proc::socket_inodes(all, process.pid)) held += connections.count(inode);
            board_.processes[process.row].held.set(held);
        }
    }
    const std::chrono::milliseconds cost(monotonic_milliseconds() - begin);
    next_count_.set(std::max(kPeriod, cost * kRest), [this] { count(); });
}

}  // namespace portier::keeper

#include "keeper/demand.hpp"

#include "base/clock.hpp"
#include "net/socket.hpp"
#include "proc/usage.hpp"

namespace portier::keeper {

namespace {

constexpr std::chrono::milliseconds kPeriod{500};

}  // namespace

Demand::Demand(boost::asio::io_context& io, metrics::Board& board, Events events)
    : io_(io), board_(board), events_(std::move(events)), next_check_(io) {}

void Demand::stop() {
    next_check_.cancel();
    sockets_.clear();
    idlers_.clear();
}

void Demand::assign(const std::vector<const Slot*>& slots) {
    sockets_.clear();
    std::map<SlotKey, Idler> idlers;
    std::set<int> attended;  // what arrives there is for a process that is awake
    for (const Slot* slot : slots)
        if (!slot->sleeps())
            for (const InheritedSocket& inherited : slot->plan().sockets) attended.insert(inherited.socket->fd.get());
    for (const Slot* slot : slots) {
        if (slot->sleeps()) watch_sockets(*slot, attended);
        if (slot->plan().handler.stop_when_idle.count() == 0 || !slot->is_ready()) continue;
        const SlotKey key{slot->plan().handler.name, slot->plan().slot};
        const auto before = idlers_.find(key);
        const bool same = before != idlers_.end() && before->second.row == slot->process()->row();
        idlers[key] = make_idler(*slot, same ? before->second.busy_ms : monotonic_milliseconds());
    }
    idlers_ = std::move(idlers);
    if (idlers_.empty())
        next_check_.cancel();
    else
        check_idlers();
}

Demand::Idler Demand::make_idler(const Slot& slot, std::uint64_t busy_ms) {
    Idler idler{.row = slot.process()->row(),
                .patience = slot.plan().handler.stop_when_idle,
                .busy_ms = busy_ms,
                .pid = slot.process()->pid(),
                .accepts_on = {}};
    for (const InheritedSocket& inherited : slot.plan().sockets) {
        const std::uint16_t port = net::local_endpoint(inherited.socket->fd.get()).port;
        idler.accepts_on.push_back({port, port});
    }
    idler.accepts_on = net::merge_intervals(std::move(idler.accepts_on));
    return idler;
}

// The board knows of connections that a process accepted for itself only after a second or more, and of a pool not of
// those that a process has forked for. A handler process leads a session.
bool Demand::holds_a_connection(const Idler& idler) {
    if (idler.accepts_on.empty()) return false;
    const auto own = proc::socket_inodes(proc::processes_by_session(), idler.pid);
    bool found = false;
    const auto visit = [&](const net::SocketReport& report) { found |= report.inode && own.contains(report.inode); };
    const auto error = net::dump_sockets(net::DumpWhat::connections, idler.accepts_on, visit);
    return found || error;
}

void Demand::watch_sockets(const Slot& slot, const std::set<int>& attended) {
    for (const InheritedSocket& inherited : slot.plan().sockets) {
        const int fd = inherited.socket->fd.get();
        if (sockets_.contains(fd) || attended.contains(fd)) continue;
        const auto wake = [this, key = SlotKey{slot.plan().handler.name, slot.plan().slot}] {
            const auto woken = events_.wake;  // assign() may destroy this closure while it runs
            woken(SlotKey(key));
        };
        sockets_[fd] = std::make_unique<Readable>(io_, fd, wake);
        sockets_[fd]->wait();
    }
}

void Demand::check_idlers() {
    const std::uint64_t now = monotonic_milliseconds();
    std::vector<SlotKey> idle;
    for (auto& [key, idler] : idlers_) {
        if (board_.processes[idler.row].active() > 0) idler.busy_ms = now;
        if (now - idler.busy_ms < static_cast<std::uint64_t>(idler.patience.count())) continue;
        if (holds_a_connection(idler))
            idler.busy_ms = now;
        else
            idle.push_back(key);
    }
    for (const SlotKey& key : idle) {
        idlers_.erase(key);
        events_.put_to_sleep(key);
    }
    next_check_.set(kPeriod, [this] { check_idlers(); });
}

}  // namespace portier::keeper

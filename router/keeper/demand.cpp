#include "keeper/demand.hpp"

#include "base/clock.hpp"

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
    for (const Slot* slot : slots) {
        if (slot->sleeps()) watch_sockets(*slot);
        const auto patience = slot->plan().handler.stop_when_idle;
        if (patience.count() == 0 || !slot->is_ready()) continue;
        const SlotKey key{slot->plan().handler.name, slot->plan().slot};
        const auto before = idlers_.find(key);
        const bool same = before != idlers_.end() && before->second.row == slot->process()->row();
        idlers[key] = {slot->process()->row(), patience, same ? before->second.busy_ms : monotonic_milliseconds()};
    }
    idlers_ = std::move(idlers);
    if (idlers_.empty())
        next_check_.cancel();
    else
        check_idlers();
}

void Demand::watch_sockets(const Slot& slot) {
    for (const InheritedSocket& inherited : slot.plan().sockets) {
        const auto wake = [this, handler = slot.plan().handler.name] {
            const auto woken = events_.wake;  // assign() may destroy this closure while it runs
            woken(handler);
        };
        sockets_.push_back(std::make_unique<Readable>(io_, inherited.socket->fd.get(), wake));
        sockets_.back()->wait();
    }
}

void Demand::check_idlers() {
    const std::uint64_t now = monotonic_milliseconds();
    std::vector<SlotKey> idle;
    for (auto& [key, idler] : idlers_) {
        if (board_.processes[idler.row].active() > 0) idler.busy_ms = now;
        if (now - idler.busy_ms >= static_cast<std::uint64_t>(idler.patience.count())) idle.push_back(key);
    }
    for (const SlotKey& key : idle) {
        idlers_.erase(key);
        events_.put_to_sleep(key);
    }
    next_check_.set(kPeriod, [this] { check_idlers(); });
}

}  // namespace portier::keeper

#include "desk/suspects.hpp"

namespace portier::desk {

namespace {

constexpr std::size_t kMaxRemembered = 65536;

}  // namespace

std::vector<Ledger::Entry> Suspects::give_up(std::uint64_t now_ms, std::uint64_t patience_ms) {
    std::vector<Ledger::Entry> overdue;
    for (auto item = suspects_.begin(); item != suspects_.end();) {
        const bool due = now_ms - item->second.since_ms >= patience_ms;
        if (due) overdue.push_back(item->second.entry);
        if (due) remember(item->first);
        item = due ? suspects_.erase(item) : std::next(item);
    }
    return overdue;
}

void Suspects::remember(std::uint64_t cookie) {
    given_up_.insert(cookie);
    in_order_.push_back(cookie);
    if (in_order_.size() <= kMaxRemembered) return;
    given_up_.erase(in_order_.front());
    in_order_.pop_front();
}

}  // namespace portier::desk

// Connections of the ledger that a dump did not show. Either their end will still be announced, with its reason, or the
// announcement was lost. Some are announced long after they were given up: a client reset them, which takes them out of
// the kernel's tables, and their process still holds them; they must not count twice. Accounting's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "desk/ledger.hpp"

namespace portier::desk {

class Suspects {
public:
    bool empty() const { return suspects_.empty(); }
    // Keeps the time of the first suspicion.
    void add(const Ledger::Entry& entry, std::uint64_t now_ms) { suspects_.try_emplace(entry.cookie, entry, now_ms); }
    // It was seen alive, or its end was announced.
    void clear(std::uint64_t cookie) { suspects_.erase(cookie); }

    // Those suspected for `patience_ms` or longer: they are given up.
    std::vector<Ledger::Entry> give_up(std::uint64_t now_ms, std::uint64_t patience_ms);
    // The late announcement of one that was given up? True once.
    bool was_given_up(std::uint64_t cookie) { return given_up_.erase(cookie) > 0; }

private:
    void remember(std::uint64_t cookie);

    struct Suspect {
        Suspect(const Ledger::Entry& entry_, std::uint64_t since) : entry(entry_), since_ms(since) {}
        Ledger::Entry entry;
        std::uint64_t since_ms;
    };

    std::unordered_map<std::uint64_t, Suspect> suspects_;  // by cookie
    std::unordered_set<std::uint64_t> given_up_;
    std::deque<std::uint64_t> in_order_;  // the oldest are forgotten first
};

}  // namespace portier::desk

#include "delivery/balance.hpp"

#include <cstdlib>
#include <limits>

namespace portier::delivery {

namespace {

// FNV-1a with a final mix (the finalizer of MurmurHash3): every bit of the address decides.
std::uint64_t score(const net::Address& source, std::uint64_t identity) {
    std::uint64_t hash = 14695981039346656037ull ^ identity * 0x9e3779b97f4a7c15ull;
    for (const std::uint8_t byte : source.bytes) hash = (hash ^ byte) * 1099511628211ull;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ull;
    return hash ^ hash >> 33;
}

std::size_t next_in_turn(std::span<const Candidate> candidates, std::size_t turn) {
    for (std::size_t step = 0; step < candidates.size(); ++step) {
        const std::size_t index = (turn + step) % candidates.size();
        if (candidates[index].has_room) return index;
    }
    return kNobody;
}

std::size_t fewest_connections(std::span<const Candidate> candidates, std::size_t turn) {
    std::size_t best = kNobody;
    for (std::size_t step = 0; step < candidates.size(); ++step) {
        const std::size_t index = (turn + step) % candidates.size();
        if (!candidates[index].has_room) continue;
        if (best == kNobody || candidates[index].connections < candidates[best].connections) best = index;
    }
    return best;
}

std::size_t highest_score(std::span<const Candidate> candidates, const net::Address& source) {
    std::size_t best = kNobody;
    std::uint64_t best_score = 0;
    for (std::size_t index = 0; index < candidates.size(); ++index) {
        if (!candidates[index].has_room) continue;
        const std::uint64_t mine = score(source, candidates[index].identity);
        if (best == kNobody || mine > best_score) {
            best = index;
            best_score = mine;
        }
    }
    return best;
}

}  // namespace

BalanceRule balance_rule(const std::string& word) {
    if (word == "round-robin") return BalanceRule::round_robin;
    if (word == "least-connections") return BalanceRule::least_connections;
    if (word == "source-hash") return BalanceRule::source_hash;
    std::abort();
}

std::size_t choose(BalanceRule rule, std::span<const Candidate> candidates, const net::Address& source,
                   std::size_t& turn) {
    if (candidates.empty()) return kNobody;
    if (rule == BalanceRule::source_hash) return highest_score(candidates, source);
    const std::size_t index =
        rule == BalanceRule::round_robin ? next_in_turn(candidates, turn) : fewest_connections(candidates, turn);
    if (index != kNobody) turn = (index + 1) % candidates.size();
    return index;
}

}  // namespace portier::delivery

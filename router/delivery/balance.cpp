#include "delivery/balance.hpp"

#include <cmath>
#include <cstdlib>

namespace portier::delivery {

namespace {

// The finalizer of MurmurHash3: every bit decides about every bit.
std::uint64_t mix(std::uint64_t hash) {
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ull;
    return hash ^ hash >> 33;
}

// Weighted rendezvous hashing: of exponentially distributed numbers with these rates the smallest wins in proportion to
// the rates (here the largest of their reciprocals). The hash is FNV-1a.
double score(const net::Address& source, const Candidate& candidate) {
    std::uint64_t hash = 14695981039346656037ull ^ candidate.identity * 0x9e3779b97f4a7c15ull;
    for (const std::uint8_t byte : source.bytes) hash = (hash ^ byte) * 1099511628211ull;
    const double part = (static_cast<double>(mix(hash)) + 1) / 18446744073709551617.0;  // in (0, 1)
    return -static_cast<double>(candidate.weight) / std::log(part);
}

// With one connection more, how much has each to do for its weight?
bool is_less_busy(const Candidate& a, const Candidate& b) {
    return (a.connections + 1) * b.weight < (b.connections + 1) * a.weight;
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
        if (best == kNobody || is_less_busy(candidates[index], candidates[best])) best = index;
    }
    return best;
}

std::size_t highest_score(std::span<const Candidate> candidates, const net::Address& source) {
    std::size_t best = kNobody;
    double best_score = 0;
    for (std::size_t index = 0; index < candidates.size(); ++index) {
        if (!candidates[index].has_room) continue;
        const double mine = score(source, candidates[index]);
        if (best == kNobody || mine > best_score) {
            best = index;
            best_score = mine;
        }
    }
    return best;
}

// The number `nth` of those that have room, or kNobody.
std::size_t with_room(std::span<const Candidate> candidates, std::size_t nth) {
    for (std::size_t index = 0; index < candidates.size(); ++index)
        if (candidates[index].has_room && nth-- == 0) return index;
    return kNobody;
}

std::size_t better_of_two(std::span<const Candidate> candidates, std::size_t& turn) {
    std::size_t count = 0;
    for (const Candidate& candidate : candidates) count += candidate.has_room;
    if (count < 2) return with_room(candidates, 0);
    const std::uint64_t random = mix(++turn * 0x9e3779b97f4a7c15ull);
    const std::size_t first = (random & 0xffffffff) % count;
    const std::size_t second = (first + 1 + (random >> 32) % (count - 1)) % count;
    const std::size_t one = with_room(candidates, first), other = with_room(candidates, second);
    return is_less_busy(candidates[other], candidates[one]) ? other : one;
}

}  // namespace

BalanceRule balance_rule(const std::string& word) {
    if (word == "round-robin") return BalanceRule::round_robin;
    if (word == "least-connections") return BalanceRule::least_connections;
    if (word == "source-hash") return BalanceRule::source_hash;
    if (word == "random-two") return BalanceRule::random_two;
    std::abort();
}

std::size_t choose(BalanceRule rule, std::span<const Candidate> candidates, const net::Address& source,
                   std::size_t& turn) {
    if (candidates.empty()) return kNobody;
    if (rule == BalanceRule::source_hash) return highest_score(candidates, source);
    if (rule == BalanceRule::random_two) return better_of_two(candidates, turn);
    const std::size_t index =
        rule == BalanceRule::round_robin ? next_in_turn(candidates, turn) : fewest_connections(candidates, turn);
    if (index != kNobody) turn = (index + 1) % candidates.size();
    return index;
}

}  // namespace portier::delivery

// Chooses who gets the next connection, among those that have room: the processes of a pool, the backends of a relay.
// Desk thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "net/endpoint.hpp"

namespace portier::delivery {

enum class BalanceRule { round_robin, least_connections, source_hash, random_two };

// "round-robin", "least-connections", "source-hash", "random-two"; anything else is a defect of the plan.
BalanceRule balance_rule(const std::string& word);

struct Candidate {
    std::uint64_t identity;     // stays with the slot or address over restarts and reloads
    std::uint64_t connections;  // now
    bool has_room;
    unsigned weight = 1;  // its share, from 1; round-robin does not look at it
};

inline constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

// Returns an index or kNobody. `turn` is the state that it keeps from one choice to the next.
//  round-robin: the next in turn;
//  least-connections: the fewest now for its weight, ties in turn;
//  source-hash: by rendezvous hashing of the client's address, so a process that comes or goes moves only its own
//  share; a process without room hands its share to the next best;
//  random-two: of two taken at random the one with fewer connections for its weight.
std::size_t choose(BalanceRule rule, std::span<const Candidate> candidates, const net::Address& source,
                   std::size_t& turn);

}  // namespace portier::delivery

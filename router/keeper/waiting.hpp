// What waits at a socket for somebody who accepts or reads: of a TCP listener the connections, of a UDP socket the
// first datagram. Nothing is taken. Keeper's thread only.
#pragma once

#include <cstdint>
#include <set>

namespace portier::keeper {

// Names of what waits, the same for the same; empty: nothing, or it cannot be told.
std::set<std::uint64_t> waiting_at(int socket);

}  // namespace portier::keeper

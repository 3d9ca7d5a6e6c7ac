// Who the clients of connections are whose sockets only know a proxy, because a PROXY header told so. Lies on the board
// beside the ledger and survives the router like it; bounded. Accounting's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "metrics/board.hpp"
#include "net/endpoint.hpp"

namespace portier::desk {

class ProxiedLedger {
public:
    struct Ends {
        net::Endpoint client;
        net::Endpoint local;
        std::uint16_t header_size = 0;
    };

    explicit ProxiedLedger(metrics::Board& board) : board_(board) {}

    // Reads what a router before us has left, as far as `lives(cookie)`.
    void restore(const std::function<bool(std::uint64_t)>& lives);

    // Adds or replaces. False: full.
    bool put(std::uint64_t cookie, const metrics::ProxiedEnds& ends);
    std::optional<Ends> find(std::uint64_t cookie) const;
    std::optional<Ends> remove(std::uint64_t cookie);

    static Ends ends_of(const metrics::ProxiedEnds& ends);

private:
    metrics::Board& board_;
    std::unordered_map<std::uint64_t, std::uint32_t> positions_;  // on the board, by cookie
};

}  // namespace portier::desk

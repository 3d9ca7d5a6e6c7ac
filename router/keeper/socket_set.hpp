// The sockets of all ports (and of the admin page), opened once and kept for as long as some configuration wants them:
// a reload builds a new set that shares what stays with the old one, so a port is never re-bound. Keeper's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/fd.hpp"
#include "config/config.hpp"
#include "keeper/flow_stores.hpp"
#include "net/socket.hpp"

namespace portier::keeper {

struct OpenSocket {
    std::uint32_t number;  // names the descriptor on the link to the router
    Fd fd;
    unsigned backlog = 0;  // of a listener; 0: not one of a port
};

class SocketSet {
public:
    struct Key {
        config::Protocol protocol;
        net::Place place;
        std::uint32_t slot;  // UDP: one socket per process; TCP: 0
        auto operator<=>(const Key&) const = default;
    };

    // Opens what `before` does not have. Throws std::system_error that names the port and where it was configured; then
    // everything newly opened is closed again and `before` is as it was.
    static SocketSet build(const config::Config& config, const SocketSet& before, std::uint32_t& next_number);

    // Puts the options of the configuration on sockets that stay. Only once nothing can fail any more.
    void tune(const config::Config& config) const;

    // The sockets of a port: of every number of its range; UDP: those of one process.
    std::vector<std::shared_ptr<OpenSocket>> of_port(const config::Port& port, std::uint32_t slot) const;
    std::shared_ptr<OpenSocket> admin() const { return admin_; }
    const FlowStores& flow_stores() const { return flow_stores_; }
    const std::map<Key, std::shared_ptr<OpenSocket>>& all() const { return sockets_; }

    // Takes over the sockets that a set which did not come into force has bound beside ours.
    void keep_spares(const SocketSet& other);

private:
    bool is_spare(const Key& key) const;
    void give_to_router(const config::Config& config, const config::Port& port) const;

    // Of UDP also those of slots that are not wanted any more, as long as their place is: datagrams go to the sockets
    // of a place by number (net/datagram_spread.hpp), which is the slot only while none before the last is ever closed.
    std::map<Key, std::shared_ptr<OpenSocket>> sockets_;
    std::map<Key, unsigned> wanted_;  // so many slots; by the key of the first one
    FlowStores flow_stores_;
    std::shared_ptr<OpenSocket> admin_;
    std::optional<net::Endpoint> admin_place_;
};

net::TcpTuning tuning_of(const config::Port& port);

}  // namespace portier::keeper

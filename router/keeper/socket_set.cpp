#include "keeper/socket_set.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/error.hpp"
#include "net/datagram_spread.hpp"
#include "net/datagrams.hpp"
#include "net/sock_diag.hpp"
#include "proc/identity.hpp"
#include "proc/usage.hpp"

namespace portier::keeper {

namespace {

const config::Handler& handler_of(const config::Config& config, const config::Port& port) {
    return *std::find_if(config.handlers.begin(), config.handlers.end(),
                         [&](const config::Handler& handler) { return handler.name == port.handler; });
}

unsigned sockets_per_number(const config::Config& config, const config::Port& port) {
    const config::Handler& handler = handler_of(config, port);
    const bool one_each = port.protocol == config::Protocol::udp && handler.delivery == config::Delivery::inherit;
    return one_each ? handler.processes : 1;
}

// Who sits on the port already, for the operator who has to do something about it; empty if we may not see it.
std::string owner_of(config::Protocol protocol, std::uint16_t number) {
    const auto what = protocol == config::Protocol::tcp ? net::DumpWhat::listeners : net::DumpWhat::udp_sockets;
    const net::PortInterval interval{number, number};
    std::string text;
    net::dump_sockets(what, {&interval, 1}, [&](const net::SocketReport& report) {
        if (!text.empty()) return;
        if (const auto owner = proc::find_socket_owner(report.inode))
            text = " (held by " + owner->name + ", pid " + std::to_string(owner->pid) + ")";
    });
    return text;
}

std::string at(const config::Mark& mark) {
    return config::to_string(mark) + ": ";
}

std::system_error explain(const std::error_code& error, const std::string& what, const SocketSet::Key& key) {
    const bool taken = error == std::errc::address_in_use;
    return {error, what + (taken ? owner_of(key.protocol, key.place.port) : "")};
}

// `beside`: the socket of the first slot, -1 for that one itself.
Fd open_socket(const config::Port& port, const SocketSet::Key& key, int beside) {
    try {
        if (port.protocol == config::Protocol::tcp)
            return net::open_tcp_listener(key.place, tuning_of(port), port.backlog);
        return net::open_udp_socket(key.place, key.slot == 0, beside);
    } catch (const std::system_error& error) {
        throw explain(error.code(), at(port.mark) + "port " + port.key, key);
    }
}

Fd open_admin_socket(const config::Admin& admin) {
    const net::Place place{admin.listen->address, admin.listen->port};
    try {
        return net::open_tcp_listener(place, {}, 128);
    } catch (const std::system_error& error) {
        const std::string what = at(admin.listen_mark) + "admin.listen " + net::to_string(place);
        throw explain(error.code(), what, {config::Protocol::tcp, place, 0});
    }
}

// Datagrams go to the sockets of a place by number (net/datagram_spread.hpp), and flows that a delivery before has
// handed off have numbers there, too: one that is bound after them would get nothing, and they would get strangers'
// datagrams.
bool has_flows(const net::Place& place) {
    bool found = false;
    const net::PortInterval interval{place.port, place.port};
    net::dump_sockets(net::DumpWhat::udp_sockets, {&interval, 1}, [&](const net::SocketReport& report) {
        found |= report.remote.port != 0 && report.local.address == place.address;
    });
    return found;
}

// The flag belongs to the open file description, which programs that inherit the socket share: it is set where the
// router accepts, and never taken back, because by then a program may have set it for itself.
void set_nonblocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// Before it the socket may have been a program's, which made it linger: the router would wait for each client there.
void make_fit_for_router(int fd, config::Protocol protocol) {
    set_nonblocking(fd);
    net::stop_lingering(fd);
    if (protocol == config::Protocol::udp) net::widen_receive_queue(fd);
}

// What the last process of a slot has left unread is too old for the next one.
void throw_away_datagrams(int fd) {
    char byte;
    while (::recv(fd, &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) >= 0) {
    }
}

}  // namespace

net::TcpTuning tuning_of(const config::Port& port) {
    return {.nodelay = port.tcp.nodelay,
            .keepalive = port.tcp.keepalive,
            .user_timeout = port.tcp.user_timeout,
            .defer_accept = port.tcp.defer_accept,
            .fast_open = port.tcp.fast_open};
}

bool SocketSet::is_spare(const Key& key) const {
    const auto wanted = wanted_.find({key.protocol, key.place, 0});
    return wanted != wanted_.end() && key.slot >= wanted->second;
}

void SocketSet::keep_spares(const SocketSet& other) {
    for (const auto& [key, socket] : other.sockets_)
        if (key.slot > 0 && wanted_.contains({key.protocol, key.place, 0})) sockets_.emplace(key, socket);
}

SocketSet SocketSet::build(const config::Config& config, const SocketSet& before, std::uint32_t& next_number) {
    SocketSet set;
    const auto keep_or_open = [&](const config::Port& port, const Key& key) {
        ++set.wanted_[{key.protocol, key.place, 0}];
        const auto present = before.sockets_.find(key);
        if (present == before.sockets_.end()) {
            const int beside = key.slot == 0 ? -1 : set.sockets_.at({key.protocol, key.place, 0})->fd.get();
            if (beside >= 0 && has_flows(key.place))
                throw std::system_error(std::make_error_code(std::errc::address_in_use),
                                        at(port.mark) + "port " + port.key + ": flows of its delivery before live on");
            set.sockets_.emplace(
                key, std::make_shared<OpenSocket>(next_number++, open_socket(port, key, beside), port.backlog));
            return;
        }
        if (before.is_spare(key)) throw_away_datagrams(present->second->fd.get());
        set.sockets_.insert(*present);
    };
    for (const config::Port& port : config.ports)
        for (unsigned number = port.first; number <= port.last; ++number)
            for (unsigned slot = 0; slot < sockets_per_number(config, port); ++slot)
                keep_or_open(port, {port.protocol, {port.address, static_cast<std::uint16_t>(number)}, slot});
    set.keep_spares(before);
    set.flow_stores_ = FlowStores::build(config, before.flow_stores_, next_number);
    set.admin_place_ = config.admin.listen;
    if (config.admin.listen == before.admin_place_) {
        set.admin_ = before.admin_;
    } else if (config.admin.listen) {
        set.admin_ = std::make_shared<OpenSocket>(next_number++, open_admin_socket(config.admin));
    }
    if (set.admin_) set_nonblocking(set.admin_->fd.get());
    return set;
}

// The router binds the sockets of flows beside them. Those of other slots, which are kept for later, would be in the
// way.
void SocketSet::give_to_router(const config::Config& config, const config::Port& port) const {
    if (::geteuid() != 0 || config.router.user.empty()) return;
    const auto router = proc::find_identity(config.router.user, "");
    if (!router) return;  // no router starts either, and says why
    for (const auto& [key, socket] : sockets_) {
        const bool here = key.protocol == port.protocol && key.place.address == port.address &&
                          key.place.port >= port.first && key.place.port <= port.last;
        if (!here) continue;
        if (const auto error = net::give_socket(socket->fd.get(), router->uid))
            throw std::system_error(error, "give the socket of port " + port.key + " to user " + config.router.user);
    }
}

void SocketSet::tune(const config::Config& config) const {
    for (const config::Port& port : config.ports) {
        const bool router_accepts = config::router_accepts(handler_of(config, port));
        for (unsigned slot = 0; slot < sockets_per_number(config, port); ++slot)
            for (const auto& socket : of_port(port, slot)) {
                if (port.protocol == config::Protocol::tcp) {
                    socket->backlog = port.backlog;
                    net::repair_socket(socket->fd.get(), port.backlog);
                    net::tune_tcp_listener(socket->fd.get(), tuning_of(port), port.backlog);
                }
                if (router_accepts) make_fit_for_router(socket->fd.get(), port.protocol);
            }
        if (port.protocol != config::Protocol::udp) continue;
        if (handler_of(config, port).delivery == config::Delivery::handoff) {
            give_to_router(config, port);
            for (const auto& socket : of_port(port, 0)) net::widen_receive_queue(socket->fd.get());
        }
        for (const auto& socket : of_port(port, 0))
            if (const auto error = net::spread_datagrams(socket->fd.get(), sockets_per_number(config, port)))
                throw std::system_error(error, "spread the datagrams of port " + port.key);
    }
}

std::vector<std::shared_ptr<OpenSocket>> SocketSet::of_port(const config::Port& port, std::uint32_t slot) const {
    std::vector<std::shared_ptr<OpenSocket>> result;
    for (unsigned number = port.first; number <= port.last; ++number) {
        const Key key{port.protocol,
                      {port.address, static_cast<std::uint16_t>(number)},
                      port.protocol == config::Protocol::udp ? slot : 0};
        const auto found = sockets_.find(key);
        if (found != sockets_.end()) result.push_back(found->second);
    }
    return result;
}

}  // namespace portier::keeper

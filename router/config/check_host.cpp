// What the machine and the other parts of the file say to ports, admin and router.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/un.h>

#include <algorithm>
#include <unordered_map>

#include "config/checks.hpp"

namespace portier::config {

namespace {

struct Demand {
    std::uint64_t connections = 0;  // that the ports with a limit let in
    bool used = false;
};

std::unordered_map<std::string, Demand> demands(const std::vector<PortDraft>& ports) {
    std::unordered_map<std::string, Demand> out;
    for (const PortDraft& draft : ports) {
        Demand& demand = out[draft.object.handler];
        demand.used = true;
        demand.connections += draft.object.max_connections;
    }
    return out;
}

// Connections that a handoff pool may be given, against the descriptors that it has.
void check_descriptors(const HandlerDraft& draft, const Demand& demand, const Scene& scene) {
    const Handler& handler = draft.object;
    const auto place = written(handler_table(), draft, "limits.open_files");
    if (handler.delivery != Delivery::handoff || !place || !handler.limits.open_files) return;
    const std::uint64_t budget = handler.processes * *handler.limits.open_files;
    if (demand.connections <= budget) return;
    scene.diagnostics.add(
        {.severity = Severity::warning,
         .at = place->value,
         .key_path = draft.path + ".limits.open_files",
         .message = fmt::format("the ports let in {} connections, but {} processes x {} open files = {}",
                                demand.connections, handler.processes, *handler.limits.open_files, budget),
         .hint = "raise limits.open_files or processes, or lower max_connections"});
}

// The router makes a socket on the port's number for every flow, and gives up each capability at its start.
void check_low_flows(const PortDraft& draft, const Drafts& drafts, const Scene& scene) {
    const Port& port = draft.object;
    if (port.protocol != Protocol::udp || port.first >= scene.host.first_unprivileged_port) return;
    const bool handed_off =
        std::any_of(drafts.handlers.begin(), drafts.handlers.end(), [&](const HandlerDraft& handler) {
            return handler.object.name == port.handler && handler.object.delivery == Delivery::handoff;
        });
    if (!handed_off) return;
    scene.diagnostics.add(
        {.at = draft.key,
         .key_path = draft.path,
         .message = fmt::format("delivery handoff needs port {} for the socket of each flow, and the router, which "
                                "makes them, has no CAP_NET_BIND_SERVICE",
                                port.first),
         .hint = fmt::format("delivery inherit or relay serves it, or lower net.ipv4.ip_unprivileged_port_start, "
                             "which is {}",
                             scene.host.first_unprivileged_port)});
}

}  // namespace

bool is_loopback(const net::Address& address) {
    if (address.family == 4) return address.bytes[0] == 127;
    return address == *net::parse_address("::1");
}

void check_privileges(const Drafts& drafts, const Place* listen, const Scene& scene) {
    const Host& host = scene.host;
    const auto check = [&](std::uint16_t port, const Place& at, const std::string& path) {
        if (host.can_bind_low_ports || port >= host.first_unprivileged_port) return;
        scene.diagnostics.add(
            {.at = at,
             .key_path = path,
             .message = fmt::format("port {} needs CAP_NET_BIND_SERVICE, which portier does not have", port),
             .hint = fmt::format("net.ipv4.ip_unprivileged_port_start is {}", host.first_unprivileged_port)});
    };
    for (const PortDraft& draft : drafts.ports) {
        check(draft.object.first, draft.key, draft.path);
        check_low_flows(draft, drafts, scene);
    }
    if (listen != nullptr) check(scene.config.admin.listen->port, *listen, "admin.listen");
}

void check_use(const Drafts& drafts, const Scene& scene) {
    if (drafts.ports.empty() && !scene.diagnostics.has_errors())
        scene.diagnostics.add({.severity = Severity::warning,
                               .key_path = "ports",
                               .message = "there are no ports, so nobody can come in",
                               .hint = "as in ports: {7001/tcp: veg}"});
    auto by_handler = demands(drafts.ports);
    for (const HandlerDraft& draft : drafts.handlers) {
        const Demand& demand = by_handler[draft.object.name];
        check_descriptors(draft, demand, scene);
        // After an error the port that uses it may be the one that could not be read.
        if (demand.used || scene.diagnostics.has_errors()) continue;
        scene.diagnostics.add({.severity = Severity::warning,
                               .at = draft.key,
                               .key_path = draft.path,
                               .message = fmt::format("no port uses the handler {}", in_quotes(draft.object.name))});
    }
}

void check_admin(const Draft<Admin>& draft, const Scene& scene) {
    const Admin& admin = draft.object;
    const auto listen = written(admin_table(), draft, "listen");
    if (admin.listen && listen && !admin.expose && !is_loopback(admin.listen->address)) {
        scene.diagnostics.add({.at = listen->value,
                               .key_path = "admin.listen",
                               .message = fmt::format("other machines can reach {}", net::to_string(*admin.listen)),
                               .hint = "listen on 127.0.0.1 or [::1], or add expose: true"});
    }
    const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    const auto socket = written(admin_table(), draft, "socket");
    const std::string& path = scene.config.admin.socket;  // absolute
    if (socket && path.size() > longest) {
        scene.diagnostics.add({.at = socket->value,
                               .key_path = "admin.socket",
                               .message = fmt::format("a path of {} bytes", path.size()),
                               .hint = fmt::format("that of a Unix socket has at most {}", longest)});
    }
}

void check_router(const Draft<Router>& draft, const Scene& scene) {
    const auto place = written(router_table(), draft, "user");
    const bool needed = scene.host.user == 0 || place;
    const passwd* user = needed ? ::getpwnam(draft.object.user.c_str()) : nullptr;
    if (user != nullptr && user->pw_uid == 0)
        scene.diagnostics.add({.severity = Severity::warning,
                               .at = place ? place->value : Place{},
                               .key_path = "router.user",
                               .message = "the router, which faces the network, would stay root",
                               .hint = "leave it out (nobody), or give it a user of its own"});
    if (!needed || user != nullptr) return;
    scene.diagnostics.add({.at = place ? place->value : Place{},
                           .key_path = "router.user",
                           .message = fmt::format("there is no user {}", in_quotes(draft.object.user)),
                           .hint = "the router gives up root for this user"});
}

}  // namespace portier::config

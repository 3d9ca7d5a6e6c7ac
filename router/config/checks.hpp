// The checks that need more than one value or a look at the machine. Each reports what it finds; none changes more than
// it says. One thread.
#pragma once

#include "config/drafts.hpp"
#include "config/host.hpp"

namespace portier::config {

struct Scene {
    const Config& config;  // file and folder are known, admin and router are read
    const Host& host;
    const Sources& sources;
    Diagnostics& diagnostics;
};

bool is_loopback(const net::Address& address);

// No two ports, and not admin.listen (`listen`, null if there is none), may want the same address, port and protocol.
void check_overlaps(const Drafts& drafts, const Place* listen, const Scene& scene);

// Low ports need a capability; also that of admin.listen (`listen`, null if there is none).
void check_privileges(const Drafts& drafts, const Place* listen, const Scene& scene);

// There are descriptors and counters enough for all ports and processes.
void check_capacity(const Drafts& drafts, const Scene& scene);

// There are ports, every handler is used, and has enough descriptors for what its ports let in.
void check_use(const Drafts& drafts, const Scene& scene);

// Users, groups, folders, limits and times of one handler; makes working_directory absolute.
void check_handler(HandlerDraft& draft, const Scene& scene);

// The addresses and times of one handler that relays, and what the machine allows it; makes paths of Unix sockets
// absolute.
void check_relay(HandlerDraft& draft, const Scene& scene);

// Handlers can do what they say for the protocols of their ports; a default that no port of theirs needs is left out.
void check_protocols(Drafts& drafts, const Scene& scene);

// Ports that believe a PROXY header name who may send one.
void check_proxy(const Drafts& drafts, const Scene& scene);

// No relay leads to itself.
void check_loops(const Drafts& drafts, const Scene& scene);

// Only who has connections alone can be said to be idle; a default that a udp port rules out is left out.
void check_stop_when_idle(Drafts& drafts, const Scene& scene);

// Finds the program of one handler, sets Handler::program and checks that its user can execute it.
void check_program(HandlerDraft& draft, const Scene& scene);

// Admin and router by themselves.
void check_admin(const Draft<Admin>& draft, const Scene& scene);
void check_router(const Draft<Router>& draft, const Scene& scene);

}  // namespace portier::config

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

// No two ports, and not admin.listen (`listen`, null if there is none), may want the same address, port and protocol.
void check_overlaps(const Drafts& drafts, const Place* listen, const Scene& scene);

// Low ports need a capability.
void check_privileges(const Drafts& drafts, const Scene& scene);

// Every handler is used, and has enough descriptors for what its ports let in.
void check_use(const Drafts& drafts, const Scene& scene);

// Users, groups, folders, limits and times of one handler; makes working_directory absolute.
void check_handler(HandlerDraft& draft, const Scene& scene);

// Finds the program of one handler, sets Handler::program and checks that its user can execute it.
void check_program(HandlerDraft& draft, const Scene& scene);

// Admin and router by themselves.
void check_admin(const Draft<Admin>& draft, const Scene& scene);
void check_router(const Draft<Router>& draft, const Scene& scene);

}  // namespace portier::config

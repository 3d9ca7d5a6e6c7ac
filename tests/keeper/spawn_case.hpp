// Handlers of delivery `spawn` with real programs, connections for them, and what the router would hear.
#pragma once

#include "delivery/spawn/request.hpp"
#include "keeper/stage.hpp"
#include "support/tcp.hpp"

namespace portier::keeper {

// Everything that a script says goes to its client.
inline config::Handler spawn_handler(const std::string& script) {
    return {.name = "git",
            .delivery = config::Delivery::spawn,
            .command = {"sh", "-c", script},
            .program = "/bin/sh",
            .processes = 0,
            .stop = {.signal = SIGTERM, .timeout = milliseconds(30000)},
            .style = config::Style::inetd,
            .max_processes = 4};
}

class SpawnCase : public Stage {
protected:
    struct Served {
        Fd client;
        delivery::SpawnRequest request;
        Fd connection;
    };

    // A connection that the router would ask a process for.
    Served arrive() {
        test::Pair pair = test::make_pair(listener_);
        const int fd = pair.accepted.get();
        delivery::SpawnRequest request{.cookie = net::socket_cookie(fd),
                                       .handler = rows_.handler("git"),
                                       .local = net::local_endpoint(fd),
                                       .remote = net::local_endpoint(pair.client.get())};
        return {std::move(pair.client), request, std::move(pair.accepted)};
    }

    std::uint64_t exits(metrics::Exited how) { return handler_row().exits[static_cast<std::size_t>(how)].get(); }
    metrics::HandlerRow& handler_row() { return board_->handlers[rows_.handler("git")]; }

    // Until all that were started have ended.
    bool run_until_ended(std::size_t count) {
        return run_until([&] { return ends_.size() == count; });
    }

    Fd listener_ = test::listen_somewhere();
    std::vector<delivery::SpawnEnd> ends_;
};

}  // namespace portier::keeper

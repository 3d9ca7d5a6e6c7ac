// Runs a Service on an Intake: connects what portier brings with the open connections and the event loop. One thread.
#pragma once

#include <functional>
#include <memory>

#include "sdk/connections.hpp"
#include "sdk/intake.hpp"
#include "sdk/loop.hpp"
#include "sdk/service.hpp"

namespace portier::sdk {

class Server : private Intake::Receiver {
public:
    // `make` builds the service on the connections that it may close and wait for. Throws as Intake does.
    using Make = std::function<std::unique_ptr<Service>(Connections&)>;
    explicit Server(const Make& make) : service_(make(connections_)) {}

    // Until drain or SIGTERM is done; throws std::runtime_error when the handoff channel is broken.
    void run();

private:
    void opened(Fd socket) override;
    std::optional<std::string_view> answer(std::string_view datagram) override { return service_->answer(datagram); }
    void finish() override;

    Loop loop_;
    Connections connections_{loop_};
    std::unique_ptr<Service> service_;
    Intake intake_{loop_, *this};
};

// The main() of a handler: runs a Server and returns the exit status; an exception becomes one line on stderr and 1.
int serve(const char* program, const Server::Make& make);

}  // namespace portier::sdk

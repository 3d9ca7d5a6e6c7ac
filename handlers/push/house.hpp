// The program as a whole: lets the clients in that portier brings, and knows who is there. Asio waits for the SDK's
// loop, so that both share one thread. Io thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>

#include "push/guests.hpp"
#include "push/topics.hpp"
#include "sdk/intake.hpp"
#include "sdk/loop.hpp"

namespace push {

class House : private portier::sdk::Intake::Receiver {
public:
    // Throws as Intake does.
    House();
    ~House() override;

    // Until drain or SIGTERM is done. Throws std::exception when the handoff channel is broken.
    void run();

    Guests guests;
    Topics topics;

private:
    void opened(portier::Fd socket) override;
    std::optional<std::string_view> answer(std::string_view) override { return std::nullopt; }
    void finish() override { guests.finish(); }
    void watch();

    portier::sdk::Loop loop_;
    portier::sdk::Intake intake_{loop_, *this};
    std::size_t open_ = 0;  // as the intake knows it
    // After guests and topics: it destroys the clients that are left at the end.
    boost::asio::io_context io_{1};
    boost::asio::posix::stream_descriptor events_{io_, loop_.fd()};
};

}  // namespace push

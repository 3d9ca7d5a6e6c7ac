// A listener with a real socket; its delivery is a fake one.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "delivery/plan.hpp"
#include "desk/fake_delivery.hpp"
#include "desk/listener.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::test {

class ListenerCase : public testing::Test {
protected:
    using Rejected = metrics::Rejected;

    void SetUp() override {
        port_.row_number = 7;
        port_.row = &board_->ports[7];
        port_.delivery = &delivery_;
    }

    void start(const delivery::AdmissionPlan& plan = {}) {
        port_.admission = std::make_unique<desk::Admission>(plan);
        number_ = port_of(socket_);
        ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
        listener_.emplace(io_, std::move(socket_), port_);
    }

    Fd client() const { return connect_to(number_); }

    std::vector<Fd> clients(std::size_t count) const {
        std::vector<Fd> result;
        for (std::size_t i = 0; i < count; ++i) result.push_back(client());
        return result;
    }

    bool run_until_delivered(std::size_t count) {
        return run_until(io_, [&] { return delivery_.delivered.size() == count; });
    }

    std::uint64_t rejected(Rejected reason) const {
        return port_.row->rejected[static_cast<std::size_t>(reason)].get();
    }
    bool run_until_rejected(Rejected reason, std::uint64_t count) {
        return run_until(io_, [&] { return rejected(reason) == count; });
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    FakeDelivery delivery_;
    desk::PortState port_;
    Fd socket_ = listen_somewhere(512);
    std::uint16_t number_ = 0;
    std::optional<desk::Listener> listener_;
};

}  // namespace portier::test

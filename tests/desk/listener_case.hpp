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
    static constexpr std::uint32_t kNumber = 70;

    void SetUp() override {
        port_.row_number = 7;
        port_.row = &board_->ports[7];
        port_.delivery = &delivery_;
        port_.starved = &starved_;
    }

    void start(const delivery::AdmissionPlan& plan = {}) {
        port_.admission = std::make_unique<desk::Admission>(plan);
        number_ = port_of(socket_);
        ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
        copy_ = Fd(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
        listener_.emplace(io_, kNumber, std::move(socket_), port_, gate_);
    }

    const Fd& listener_socket() const { return copy_; }
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
    std::vector<std::uint32_t> starved_;
    desk::PortState port_;
    desk::ProxyGate gate_{io_, *board_, [this](std::uint32_t, std::vector<delivery::Accepted> passed) {
                              listener_->passed_gate(std::move(passed));
                          }};
    Fd socket_ = listen_somewhere(512);
    Fd copy_;  // as another program has one
    std::uint16_t number_ = 0;
    std::optional<desk::Listener> listener_;
};

}  // namespace portier::test

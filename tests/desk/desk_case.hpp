// What the tests of the desk share: a street with one port, and processes that say only what the test says.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include "desk/desk.hpp"
#include "desk/fake_process.hpp"
#include "support/tcp.hpp"
#include "support/wait.hpp"

namespace portier::desk {

using test::FakeProcess;

inline constexpr std::uint32_t kRow = 4;         // of the port
inline constexpr std::uint32_t kListener = 100;  // descriptor numbers
inline constexpr std::uint32_t kCredit = 8;

class DeskCase : public testing::Test {
protected:
    DeskCase() {
        plan_.handlers = {handler("veg", {1})};
        plan_.ports = {{.key = "street", .row = kRow, .protocol = "tcp", .handler = 0, .listeners = {kListener}}};
        ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
        descriptors_.add(kListener, Fd(::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)));
    }

    // Process n of the plan has row n and the channel with the number n.
    static delivery::HandlerPlan handler(const std::string& name, const std::vector<std::uint32_t>& processes) {
        delivery::HandlerPlan plan{.name = name, .row = 9, .delivery = "handoff", .balance = "round-robin"};
        for (const std::uint32_t number : processes) plan.processes.push_back({number, number, number});
        return plan;
    }

    void offer(FakeProcess& process, std::uint32_t number) {
        descriptors_.add(number, process.take_routers_end());
        process.say_credit(kCredit);
    }

    void apply() {
        desk_.apply(plan_, descriptors_);
        descriptors_.clear();
    }

    // Until the desk has heard how much the process can hold.
    bool run_until_ready(std::uint32_t number) {
        return test::run_until(io_, [&] { return board_->processes[number].credit.get() == kCredit; });
    }

    bool run_until_doors(FakeProcess& process, std::size_t count) {
        return test::run_until(io_, [&] {
            process.read();
            return process.doors.size() == count;
        });
    }

    Fd client() const { return test::connect_to(test::port_of(listener_)); }
    std::uint64_t rejected(metrics::Rejected reason) const {
        return board_->ports[kRow].rejected[static_cast<std::size_t>(reason)].get();
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    boost::asio::io_context io_{1};
    std::vector<std::uint32_t> demanded_, broken_;
    Fd listener_ = test::listen_somewhere();  // the keeper's
    delivery::Plan plan_;
    delivery::Descriptors descriptors_;
    FakeProcess veg_, nonveg_;
    Desk desk_{io_,
               *board_,
               {.demand =
                    [this](std::uint32_t row) {
                        demanded_.push_back(row);
                        return true;
                    },
                .broken = [this](std::uint32_t row) { broken_.push_back(row); }}};
};

}  // namespace portier::desk

#include "delivery/udp/flow_book.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include "base/clock.hpp"
#include "net/socket.hpp"
#include "support/log_capture.hpp"
#include "support/udp.hpp"

namespace portier::delivery {

namespace {

using metrics::Dropped;
using metrics::FlowClosed;

class FlowBookTest : public testing::Test {
protected:
    FlowBookTest() {
        handler.name = "echo";
        handler.delivery = "relay";
        handler.balance = "round-robin";
        add_backend("127.0.0.1", 1);
        plan.key = "53/udp";
        plan.first = plan.last = 53;
        plan.flows = {.idle_ms = 1000, .max = 4};
        memory = std::make_shared<Fd>(make_flow_memory(4));
    }

    void add_backend(const char* address, std::uint16_t port) {
        handler.relay.backends.push_back({.name = address, .address = address, .port = port});
    }
    FlowBook& apply() {
        backends->update(handler);
        if (!book) book = std::make_unique<FlowBook>(row(), *backends, epoll.get());
        book->apply(plan, "echo", memory);
        return *book;
    }
    // As a new router would: the memory and the board are what is left.
    FlowBook& take_over() {
        book.reset();
        backends = std::make_unique<FlowBackends>(*board);
        for (std::uint32_t backend = 0; backend < 4; ++backend) board->backends[backend].settle();
        return apply();
    }

    static FlowKey key(std::uint16_t client, const char* address = "192.0.2.1") {
        const PackedEndpoint sender = pack({*net::parse_address(address), client});
        const PackedEndpoint asked = pack({*net::parse_address("127.0.0.1"), 53});
        return {sender, asked, sender, asked};
    }
    std::uint32_t begin(const FlowKey& flow) {
        const auto begun = book->begin(flow, 0, monotonic_milliseconds());
        return std::holds_alternative<std::uint32_t>(begun) ? std::get<std::uint32_t>(begun) : FlowTable::kNone;
    }
    std::optional<Dropped> refusal(const FlowKey& flow) {
        const auto begun = book->begin(flow, 0, monotonic_milliseconds());
        if (const auto* reason = std::get_if<Dropped>(&begun)) return *reason;
        return std::nullopt;
    }
    std::uint64_t closed(FlowClosed reason) { return row().flows.closed[static_cast<std::size_t>(reason)].get(); }
    metrics::PortRow& row() { return board->ports[0]; }

    metrics::BoardMemory board = metrics::BoardMemory::create();
    HandlerPlan handler;
    PortPlan plan;
    std::shared_ptr<Fd> memory;
    Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    std::unique_ptr<FlowBackends> backends = std::make_unique<FlowBackends>(*board);
    std::unique_ptr<FlowBook> book;
};

TEST_F(FlowBookTest, MakesRoomByTheLeastWantedFlow) {
    apply();
    for (std::uint16_t client = 1; client <= 4; ++client) begin(key(client));
    const std::uint32_t first = book->table().find(key(1));
    book->table().use(first, monotonic_milliseconds(), true);
    begin(key(5));
    EXPECT_EQ(book->table().find(key(1)), first) << "it has sent more than one datagram";
    EXPECT_EQ(book->table().find(key(2)), FlowTable::kNone);
    EXPECT_EQ(closed(FlowClosed::evicted), 1u);
    EXPECT_EQ(row().flows.created.get(), 5u);
    EXPECT_EQ(row().active_flows(), 4u);
    EXPECT_EQ(board->backends[0].active(), 4u);
}

TEST_F(FlowBookTest, ASourceOverItsLimitIsRefusedAndHarmsNobody) {
    plan.flows.max_per_source = 2;
    apply();
    begin(key(1));
    begin(key(2));
    EXPECT_EQ(refusal(key(3)), Dropped::source_limit);
    EXPECT_FALSE(refusal(key(3, "192.0.2.2")));
    book->end(book->table().find(key(1)), FlowClosed::idle);
    EXPECT_FALSE(refusal(key(3)));
    take_over();
    EXPECT_EQ(refusal(key(4)), Dropped::source_limit) << "the next router knows them";
}

TEST_F(FlowBookTest, TheSourceLimitMayComeLater) {
    apply();
    begin(key(1));
    plan.flows.max_per_source = 1;
    apply();
    EXPECT_EQ(refusal(key(2)), Dropped::source_limit);
    plan.flows.max_per_source = 0;
    apply();
    EXPECT_FALSE(refusal(key(2)));
}

TEST_F(FlowBookTest, WithoutABackendThereIsNoFlow) {
    handler.relay.backends.clear();
    apply();
    EXPECT_EQ(refusal(key(1)), Dropped::no_backend);
    EXPECT_EQ(row().flows.created.get(), 0u);
}

TEST_F(FlowBookTest, IdleFlowsEnd) {
    apply();
    begin(key(1));
    EXPECT_TRUE(book->end_idle(monotonic_milliseconds()));
    EXPECT_EQ(book->table().size(), 1u);
    EXPECT_TRUE(book->end_idle(monotonic_milliseconds() + 1001));
    EXPECT_EQ(book->table().size(), 0u);
    EXPECT_EQ(closed(FlowClosed::idle), 1u);
}

TEST_F(FlowBookTest, FlowsOfABackendThatIsGoneEnd) {
    add_backend("127.0.0.1", 2);
    apply();
    for (std::uint16_t client = 1; client <= 4; ++client) begin(key(client));
    handler.relay.backends.pop_back();
    apply();
    EXPECT_EQ(book->table().size(), 2u);
    EXPECT_EQ(closed(FlowClosed::handler_close), 2u);
}

TEST_F(FlowBookTest, ASmallerLimitEndsThoseBeyondIt) {
    apply();
    for (std::uint16_t client = 1; client <= 4; ++client) begin(key(client));
    plan.flows.max = 1;
    apply();
    EXPECT_EQ(book->table().size(), 1u);
    EXPECT_NE(book->table().find(key(4)), FlowTable::kNone) << "the last one used";
}

TEST_F(FlowBookTest, ALargerLimitKeepsTheFlows) {
    apply();
    const std::uint32_t number = book->table()[begin(key(1))].number;
    grow_flow_memory(memory->get(), 1000);
    plan.flows.max = 1000;
    apply();
    ASSERT_NE(book->table().find(key(1)), FlowTable::kNone);
    EXPECT_EQ(book->table()[book->table().find(key(1))].number, number);
    for (std::uint16_t client = 2; client <= 1000; ++client) begin(key(client));
    EXPECT_EQ(book->table().size(), 1000u);
    EXPECT_EQ(closed(FlowClosed::evicted) + closed(FlowClosed::unknown), 0u);
    EXPECT_EQ(board->backends[0].flows.opened.get(), 1000u);
}

TEST_F(FlowBookTest, ASocketOfItsOwnComesBackWithItsPort) {
    const test::UdpSocket backend("::1");
    handler.relay.backends.clear();
    add_backend("::1", backend.endpoint().port);
    apply();
    const std::uint32_t flow = begin(key(1));
    const net::Endpoint before = net::local_endpoint(book->socket(flow));
    take_over();
    const std::uint32_t after = book->table().find(key(1));
    ASSERT_NE(after, FlowTable::kNone);
    EXPECT_EQ(net::local_endpoint(book->socket(after)), before);
    EXPECT_EQ(row().active_flows(), 1u);
    backend.send("answer", before);
    epoll_event event;
    ASSERT_EQ(::epoll_wait(epoll.get(), &event, 1, 20'000), 1);
    EXPECT_EQ(event.data.u64, after);
}

TEST_F(FlowBookTest, WhatIsNotInTheMemoryAnyMoreHasEnded) {
    apply();
    begin(key(1));
    begin(key(2));
    book->table()[book->table().find(key(2))].backend = {};  // a router that died just here
    take_over();
    EXPECT_EQ(book->table().size(), 1u);
    EXPECT_EQ(closed(FlowClosed::unknown), 1u);
    EXPECT_EQ(row().active_flows(), 1u);
    EXPECT_EQ(board->backends[0].active(), 1u);
}

TEST_F(FlowBookTest, FlowsOfABackendThatWasRemovedMeanwhileHaveEndedThereToo) {
    add_backend("127.0.0.2", 1);
    handler.relay.backends[1].row = 1;
    apply();
    begin(key(1));
    begin(key(2));
    handler.relay.backends.pop_back();
    take_over();
    EXPECT_EQ(board->backends[0].active(), 1u);
    EXPECT_EQ(board->backends[1].active(), 0u);
    EXPECT_EQ(board->backends[0].flows.opened.get(), 1u) << "it did not begin twice";
}

TEST_F(FlowBookTest, TellsOfEachFlowAtItsEndIfAsked) {
    plan.flows.log = true;
    apply();
    const std::uint32_t flow = begin(key(7));
    book->table()[flow].received = 12;
    book->table()[flow].sent = 34;
    const test::LogCapture log;
    book->end_all(FlowClosed::handler_close);
    const std::string line = log.text();
    for (const char* part :
         {R"("message":"flow")", R"("port":"53/udp")", R"("handler":"echo")", R"("process":"-")",
          R"("delivery":"relay")", R"("client":"192.0.2.1:7")", R"("local":"127.0.0.1:53")", R"("backend":"127.0.0.1")",
          R"("received":12)", R"("sent":34)", R"("reason":"handler_close")"})
        EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
}

}  // namespace

}  // namespace portier::delivery

#include "desk/flow_port.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "desk/fake_delivery.hpp"
#include "support/flow_client.hpp"
#include "support/free_port.hpp"
#include "support/wait.hpp"

namespace portier::desk {

namespace {

using metrics::Dropped;

class FlowPortTest : public testing::Test {
protected:
    void start(std::optional<net::Address> address = std::nullopt) {
        number_ = test::free_ports();
        plan_.first = plan_.last = number_;
        if (address) plan_.address = net::to_string(*address);
        auto socket = std::make_shared<Fd>(net::open_udp_socket({address, number_}, true));
        net::widen_receive_queue(socket->get());
        ::fcntl(socket->get(), F_SETFL, O_NONBLOCK);
        port_.row_number = 7;
        port_.row = &row_;
        port_.delivery = &delivery_;
        port_.starved = &starved_;
        port_.admission = std::make_unique<Admission>(plan_.admission);
        port_.flows = std::make_unique<Flows>(plan_, row_);
        flow_port_.emplace(io_, reader_, 70, std::move(socket), port_);
    }

    Fd client(std::uint8_t last_byte = 1) const { return test::udp_client({{4, {127, 0, 0, last_byte}}, number_}); }

    bool run_until_delivered(std::size_t count) {
        return test::run_until(io_, [&] { return delivery_.delivered.size() == count; });
    }
    std::uint64_t dropped(Dropped reason) const {
        return row_.flows.datagrams_dropped[static_cast<std::size_t>(reason)].get();
    }
    bool run_until_dropped(Dropped reason, std::uint64_t count) {
        return test::run_until(io_, [&] { return dropped(reason) == count; });
    }

    // All datagrams of a delivered flow: those beside it, then those in its socket.
    static std::vector<std::string> datagrams_of(const delivery::Accepted& flow) {
        std::vector<std::string> texts;
        for (const auto& early : flow.datagrams)
            texts.emplace_back(reinterpret_cast<const char*>(early.data()), early.size());
        while (const auto text = test::receive_text(flow.socket)) texts.push_back(*text);
        return texts;
    }

    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    metrics::PortRow& row_ = board_->ports[7];
    boost::asio::io_context io_{1};
    net::DatagramReader reader_;
    test::FakeDelivery delivery_;
    std::vector<std::uint32_t> starved_;
    delivery::PortPlan plan_{.key = "flows", .protocol = "udp", .flows = {.idle_ms = 1234, .max = 100}};
    std::uint16_t number_ = 0;
    PortState port_;
    std::optional<FlowPort> flow_port_;
};

}  // namespace

// A flow is delivered once, with what came before its socket; the rest comes out of the socket, and replies leave from
// the address that was asked.
TEST_F(FlowPortTest, DeliversAConnectedSocket) {
    start();
    const Fd guest = client(77);
    test::send_text(guest, "one");
    test::send_text(guest, "");
    ASSERT_TRUE(run_until_delivered(1));
    test::send_text(guest, "three");
    test::run_ready(io_);
    ASSERT_EQ(delivery_.delivered.size(), 1u);
    const delivery::Accepted& flow = delivery_.delivered[0];
    EXPECT_EQ(flow.protocol, IPPROTO_UDP);
    EXPECT_EQ(net::to_string(flow.local), "127.0.0.77:" + std::to_string(number_));
    EXPECT_EQ(flow.remote, net::local_endpoint(guest.get()));
    EXPECT_EQ(flow.port_row, 7u);
    EXPECT_EQ(flow.idle_timeout_ms, 1234u);
    EXPECT_EQ(flow.cookie, net::socket_cookie(flow.socket.get()));
    EXPECT_EQ(datagrams_of(flow), (std::vector<std::string>{"one", "", "three"}));
    test::send_text(flow.socket, "reply");
    EXPECT_EQ(test::receive_text(guest), "reply");
    EXPECT_EQ(row_.flows.created.get(), 1u);
    EXPECT_EQ(row_.flows.handed.get(), 1u);
    EXPECT_EQ(row_.flows.datagrams_received.get(), 2u);
    EXPECT_GE(delivery_.bursts, 1u);
}

// Clients that send on, from another thread, while their sockets are made: each flow has all of its datagrams in order,
// whichever socket had them first, on a port of every address and on one of a single address.
TEST_F(FlowPortTest, SortsOutWhatComesMeanwhile) {
    constexpr std::size_t kClients = 50, kRounds = 10;  // all of them fit into a queue of net.core.rmem_max
    std::vector<std::string> all;
    for (std::size_t round = 0; round < kRounds; ++round) all.push_back(std::to_string(round));
    for (int repetition = 0; repetition < 20; ++repetition) {
        delivery_.delivered.clear();
        flow_port_.reset();
        start(repetition % 2 ? std::nullopt : std::optional(test::kLoopback));
        std::vector<Fd> clients;
        for (std::size_t i = 0; i < kClients; ++i) clients.push_back(client());
        std::thread sender([&] {
            for (const std::string& text : all)
                for (const Fd& guest : clients) test::send_text(guest, text);
        });
        EXPECT_TRUE(run_until_delivered(kClients));
        sender.join();
        test::run_ready(io_);
        for (const delivery::Accepted& flow : delivery_.delivered) ASSERT_EQ(datagrams_of(flow), all);
    }
}

// Without room nothing is read: the datagrams wait in the kernel, and the handler is woken.
TEST_F(FlowPortTest, WithoutRoomTheyWait) {
    delivery_.room = 0;
    start();
    const Fd guest = client();
    test::send_text(guest, "one");
    ASSERT_TRUE(test::run_until(io_, [&] { return !starved_.empty(); }));
    EXPECT_EQ(starved_, std::vector<std::uint32_t>{70});
    EXPECT_EQ(delivery_.demands, 1u);
    EXPECT_EQ(row_.flows.datagrams_received.get(), 0u);
    test::send_text(guest, "two");
    delivery_.room = 1;
    flow_port_->resume();
    ASSERT_TRUE(run_until_delivered(1));
    EXPECT_EQ(datagrams_of(delivery_.delivered[0]), (std::vector<std::string>{"one", "two"}));
}

TEST_F(FlowPortTest, DeniedAndCountedSources) {
    plan_.admission.deny = {{"127.0.0.1", 32}};
    start();
    test::send_text(client(), "nobody wants this");
    ASSERT_TRUE(run_until_dropped(Dropped::denied, 1));
    plan_.admission = {.max_connections_per_source = 1};
    port_.admission->update(plan_.admission);
    const Fd first = client(), second = client();
    test::send_text(first, "one");
    ASSERT_TRUE(run_until_delivered(1));
    test::send_text(second, "too many");
    ASSERT_TRUE(run_until_dropped(Dropped::source_limit, 1));
    port_.admission->ended(test::kLoopback);
    test::send_text(second, "now");
    EXPECT_TRUE(run_until_delivered(2));
}

// A port that has all its flows asks for the end of one and goes on when it has ended.
TEST_F(FlowPortTest, MakesRoom) {
    plan_.flows.max = 1;
    start();
    const Fd one = client(), two = client();
    test::send_text(one, "one");
    ASSERT_TRUE(run_until_delivered(1));
    test::send_text(two, "two");
    ASSERT_TRUE(test::run_until(io_, [&] { return delivery_.evictions.size() == 1; }));
    EXPECT_EQ(delivery_.evictions[0].count, 1u);
    EXPECT_EQ(delivery_.evictions[0].first, number_);
    EXPECT_TRUE(port_.flows->blocked.contains(70));
    port_.flows->remove_handed(delivery_.delivered[0].cookie);
    flow_port_->resume();
    ASSERT_TRUE(run_until_delivered(2));
    EXPECT_EQ(datagrams_of(delivery_.delivered[1]), std::vector<std::string>{"two"});
}

// Who asks for nothing in return is refused after a while, and the port goes on.
TEST_F(FlowPortTest, RefusesWhenNoneEnds) {
    plan_.flows.max = 1;
    start();
    const Fd one = client(), two = client(), three = client();
    test::send_text(one, "one");
    ASSERT_TRUE(run_until_delivered(1));
    test::send_text(two, "two");
    ASSERT_TRUE(run_until_dropped(Dropped::limit, 1));
    EXPECT_EQ(row_.flows.evictions.get(), 0u) << "nobody has done it";
    port_.flows->remove_handed(delivery_.delivered[0].cookie);
    test::send_text(three, "three");
    EXPECT_TRUE(run_until_delivered(2));
}

// A process has closed the socket and its client goes on: a new flow, whether or not the end was announced before.
TEST_F(FlowPortTest, AClosedFlowBeginsAnew) {
    start();
    const Fd guest = client();
    test::send_text(guest, "one");
    ASSERT_TRUE(run_until_delivered(1));
    delivery_.delivered[0].socket.reset();
    test::send_text(guest, "two");
    ASSERT_TRUE(run_until_delivered(2));
    EXPECT_EQ(datagrams_of(delivery_.delivered[1]), std::vector<std::string>{"two"});
    EXPECT_EQ(port_.flows->handed().size(), 1u);
}

// What a router before us had not read of a flow that a process has: too late, and no second socket for it.
TEST_F(FlowPortTest, NoSecondSocket) {
    start();
    const Fd guest = client();
    test::send_text(guest, "unread");
    const FlowKey key{net::local_endpoint(guest.get()), {test::kLoopback, number_}};
    std::error_code error;
    const Fd socket = net::bind_flow_socket(key.local, 0, error);
    ASSERT_FALSE(net::connect_flow_socket(socket.get(), key.remote, 0));
    port_.flows->add_handed(key, net::socket_cookie(socket.get()));
    ASSERT_TRUE(run_until_dropped(Dropped::stray, 1));
    EXPECT_TRUE(delivery_.delivered.empty());
}

// A port that is removed still delivers who waits there.
TEST_F(FlowPortTest, FinishDeliversWhoWaits) {
    delivery_.room = 0;
    start();
    const Fd one = client(), two = client();
    test::send_text(one, "one");
    test::send_text(two, "two");
    test::send_text(one, "more");
    flow_port_->finish();
    ASSERT_EQ(delivery_.delivered.size(), 2u);
    EXPECT_EQ(datagrams_of(delivery_.delivered[0]), (std::vector<std::string>{"one", "more"}));
    EXPECT_EQ(datagrams_of(delivery_.delivered[1]), std::vector<std::string>{"two"});
}

// A range that is split gives the socket to another port, which has never heard of the flows that wait or settle.
TEST_F(FlowPortTest, ASocketThatComesToAnotherPortBringsNobodyAlong) {
    plan_.flows.max = 1;
    start();
    const Fd one = client(), two = client();
    test::send_text(one, "one");
    ASSERT_TRUE(run_until_delivered(1));
    test::send_text(two, "two");
    ASSERT_TRUE(test::run_until(io_, [&] { return !port_.flows->blocked.empty(); }));
    flow_port_->finish();
    PortState next;
    next.row_number = 8;
    next.row = &board_->ports[8];
    next.delivery = &delivery_;
    next.starved = &starved_;
    next.admission = std::make_unique<Admission>(plan_.admission);
    next.flows = std::make_unique<Flows>(plan_, board_->ports[8]);
    flow_port_->set_port(next);
    flow_port_->resume();
    const Fd three = client();
    test::send_text(three, "three");
    ASSERT_TRUE(test::run_until(io_, [&] { return board_->ports[8].flows.datagrams_received.get() == 1; }));
    flow_port_.reset();
}

}  // namespace portier::desk

#include "keeper/plan_builder.hpp"

#include <algorithm>

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

using config::Protocol;

// "veg" gets connections from the router over two processes' channels, "self" accepts for itself.
class PlanBuilderTest : public Stage {
protected:
    PlanBuilderTest() {
        config_.handlers = {shell_handler("veg", kStays), shell_handler("self", kStays)};
        config_.handlers[0].delivery = config::Delivery::handoff;
        config_.handlers[0].balance = config::Balance::least_connections;
        config_.handlers[1].start = config::Start::on_demand;
        const std::uint16_t first = test::free_ports(4);
        const auto port = [&](unsigned i) { return static_cast<std::uint16_t>(first + i); };
        config_.ports = {port_entry("veg", Protocol::tcp, port(0), port(1)), port_entry("self", Protocol::tcp, port(2)),
                         port_entry("self", Protocol::udp, port(2))};
        config_.admin.listen = net::Endpoint{test::kLoopback, port(3)};
        sockets_ = SocketSet::build(config_, {}, next_number_);
    }

    Slot* start(const config::Handler& handler, std::uint32_t number) {
        slots_.push_back(std::make_unique<Slot>(context(), SlotPlan{.handler = handler, .slot = number},
                                                Slot::Events{.changed = [] {}, .failed = [](const ProcessEnd&) {}}));
        slots_.back()->start();
        return slots_.back().get();
    }

    RouterOrder build(std::pair<std::uint32_t, int> destroy_events = {}) {
        std::vector<const Slot*> slots;
        for (const auto& slot : slots_) slots.push_back(slot.get());
        return build_order({config_, sockets_, slots, leaving_, destroy_events, rows_, addresses_});
    }

    config::Config config_;
    SocketSet sockets_;
    Addresses addresses_;
    std::vector<std::unique_ptr<Slot>> slots_;
    std::list<std::unique_ptr<HandlerProcess>> leaving_;
};

config::Handler relay_handler(const std::string& name, std::uint16_t addresses) {
    config::Handler handler = shell_handler(name, kStays);
    handler.delivery = config::Delivery::relay;
    handler.command.clear();
    for (std::uint16_t port = 1; port <= addresses; ++port)
        handler.connect.push_back(
            {.text = "127.0.0.1:" + std::to_string(port), .mark = {}, .host = "127.0.0.1", .port = port, .path = {}});
    return handler;
}

// Every number that a plan says.
std::vector<std::uint32_t> named(const delivery::Plan& plan) {
    std::vector<std::uint32_t> result = plan.admin_listeners;
    for (const auto& port : plan.ports) result.insert(result.end(), port.listeners.begin(), port.listeners.end());
    for (const auto& handler : plan.handlers)
        for (const auto& process : handler.processes)
            if (process.channel) result.push_back(process.channel);
    if (plan.destroy_events) result.push_back(plan.destroy_events);
    std::sort(result.begin(), result.end());
    return result;
}

}  // namespace

// The order brings exactly the descriptors that its plan names, each once.
TEST_F(PlanBuilderTest, BringsExactlyWhatItNames) {
    const Slot* first = start(config_.handlers[0], 0);
    const Slot* second = start(config_.handlers[0], 1);
    start(config_.handlers[1], 0);
    RouterOrder order = build({77, 0});
    std::sort(order.descriptors.begin(), order.descriptors.end());
    std::vector<std::uint32_t> brought;
    for (const auto& [number, fd] : order.descriptors) brought.push_back(number);
    EXPECT_EQ(brought, named(order.plan));
    // Two listeners of the range, two channels, the admin page, the announcements; nothing of `inherit`.
    std::vector<std::pair<std::uint32_t, int>> wanted{
        {first->process()->channel_number(), first->process()->channel()},
        {second->process()->channel_number(), second->process()->channel()},
        {sockets_.admin()->number, sockets_.admin()->fd.get()},
        {77, 0}};
    for (const auto& socket : sockets_.of_port(config_.ports[0], 0))
        wanted.emplace_back(socket->number, socket->fd.get());
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(order.descriptors, wanted);
}

// Only processes that are ready shall get connections.
TEST_F(PlanBuilderTest, NamesReadyProcessesOnly) {
    config_.handlers[0].ready = config::Ready::notify;
    Slot* slot = start(config_.handlers[0], 1);
    EXPECT_TRUE(build().plan.handlers[0].processes.empty());
    notify(slot->process()->pid(), "READY=1");
    ASSERT_TRUE(run_until([&] { return slot->is_ready(); }));
    const auto processes = build().plan.handlers[0].processes;
    ASSERT_EQ(processes.size(), 1u);
    EXPECT_EQ(processes[0].slot, 1u);
    EXPECT_EQ(processes[0].row, slot->process()->row());
    const auto leaving = slot->release();
    EXPECT_TRUE(build().plan.handlers[0].processes.empty());
}

// Handlers and ports are described with everything that the router has to know.
TEST_F(PlanBuilderTest, DescribesHandlersAndPorts) {
    config::Port& port = config_.ports[0];
    port.max_connections = 10;
    port.max_connections_per_source = 2;
    port.accept_rate = config::Rate{500, milliseconds(1000)};
    port.accept_rate_per_source = config::Rate{5, milliseconds(60'000)};
    port.allow = {{*net::parse_address("10.0.0.0"), 8}};
    port.deny = {{*net::parse_address("10.1.0.0"), 16}};
    port.over_limit = config::OverLimit::reset;
    start(config_.handlers[1], 0);
    config_.router.log.connections = true;
    config_.router.log.level = config::LogLevel::debug;
    const delivery::Plan plan = build().plan;

    ASSERT_EQ(plan.handlers.size(), 2u);
    EXPECT_EQ(plan.handlers[0].name, "veg");
    EXPECT_EQ(plan.handlers[0].delivery, "handoff");
    EXPECT_EQ(plan.handlers[0].balance, "least-connections");
    EXPECT_FALSE(plan.handlers[0].on_demand);
    EXPECT_TRUE(plan.handlers[1].on_demand);
    ASSERT_EQ(plan.handlers[1].processes.size(), 1u);
    EXPECT_EQ(plan.handlers[1].processes[0].channel, 0u) << "inherit has no channel";
    EXPECT_EQ(plan.handlers[1].row, rows_.handler("self"));

    ASSERT_EQ(plan.ports.size(), 3u);
    const delivery::PortPlan& first = plan.ports[0];
    EXPECT_EQ(first.key, port.key);
    EXPECT_EQ(first.row, rows_.port(port.key));
    EXPECT_EQ(first.protocol, "tcp");
    EXPECT_EQ(first.address, "127.0.0.1");
    EXPECT_EQ(first.first, port.first);
    EXPECT_EQ(first.last, port.last);
    EXPECT_EQ(first.handler, 0u);
    EXPECT_EQ(first.listeners.size(), 2u);
    EXPECT_EQ(first.admission.max_connections, 10u);
    EXPECT_EQ(first.admission.max_connections_per_source, 2u);
    EXPECT_EQ(first.admission.accept_rate.count, 500u);
    EXPECT_EQ(first.admission.accept_rate_per_source.period_ms, 60'000u);
    ASSERT_EQ(first.admission.allow.size(), 1u);
    EXPECT_EQ(first.admission.allow[0].address, "10.0.0.0");
    EXPECT_EQ(first.admission.allow[0].prefix, 8u);
    EXPECT_EQ(first.admission.deny[0].prefix, 16u);
    EXPECT_EQ(first.admission.over_limit, "reset");
    EXPECT_EQ(plan.ports[1].handler, 1u);
    EXPECT_EQ(plan.ports[1].admission.accept_rate.count, 0u) << "no limit";
    EXPECT_EQ(plan.ports[2].protocol, "udp");
    EXPECT_TRUE(plan.log_connections);
    EXPECT_EQ(plan.log_level, "debug");
}

// Where nothing of ours has to run first, every address can be connected to, but for those that shall get nothing.
TEST_F(PlanBuilderTest, NamesTheAddressesOfARelay) {
    config_.handlers[0] = relay_handler("veg", 3);
    config_.handlers[0].connect[1].weight = 0;
    config_.handlers[0].connect[2].host = "db";
    addresses_["db"] = {*net::parse_address("127.0.0.9")};
    const auto plan = build().plan.handlers[0];
    ASSERT_EQ(plan.relay.backends.size(), 2u);
    EXPECT_EQ(plan.relay.backends[0].number, 0u);
    EXPECT_EQ(plan.relay.backends[1].number, 2u);
    EXPECT_EQ(plan.relay.backends[1].address, "127.0.0.9");
    EXPECT_NE(plan.relay.backends[0].row, plan.relay.backends[1].row);
    EXPECT_EQ(build().plan.handlers[0].relay.backends[1].row, plan.relay.backends[1].row);
}

// With a command each address is that of the process with its number, and counts while that is ready.
TEST_F(PlanBuilderTest, NamesTheAddressesOfReadyProcesses) {
    config_.handlers[0] = relay_handler("veg", 2);
    config_.handlers[0].command = {"sh", "-c", kStays};
    config_.handlers[0].processes = 2;
    EXPECT_TRUE(build().plan.handlers[0].relay.backends.empty());
    start(config_.handlers[0], 1);
    const auto one = build().plan.handlers[0].relay.backends;
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].number, 1u);
    config_.handlers[0].connect.pop_back();
    const auto shared = build().plan.handlers[0].relay.backends;
    ASSERT_EQ(shared.size(), 1u) << "one address for all processes";
    EXPECT_EQ(shared[0].number, 0u);
}

// A port without an address, no admin page, no announcements: empty, not something else.
TEST_F(PlanBuilderTest, NamesWhatLetsRelayedFlowsSurvive) {
    config_.handlers[1].delivery = config::Delivery::relay;
    config_.router.log.connections = true;
    sockets_ = SocketSet::build(config_, sockets_, next_number_);
    const RouterOrder order = build();
    const delivery::FlowsPlan& flows = order.plan.ports[2].flows;
    EXPECT_TRUE(flows.log);
    for (const std::uint32_t number : {flows.memory, flows.loopback_socket}) {
        const auto is_it = [&](const auto& item) { return item.first == number && item.second >= 0; };
        EXPECT_TRUE(number && std::any_of(order.descriptors.begin(), order.descriptors.end(), is_it));
    }
    EXPECT_EQ(order.plan.ports[0].flows.memory, 0u) << "not a relayed UDP port";
}

TEST_F(PlanBuilderTest, LeavesOutWhatThereIsNot) {
    config_.ports = {config_.ports[0]};
    config_.ports[0].address.reset();
    config_.admin.listen.reset();
    sockets_ = {};
    const RouterOrder order = build();
    EXPECT_EQ(order.plan.ports[0].address, "");
    EXPECT_TRUE(order.plan.admin_listeners.empty());
    EXPECT_EQ(order.plan.destroy_events, 0u);
    EXPECT_TRUE(order.descriptors.empty());
}

}  // namespace portier::keeper

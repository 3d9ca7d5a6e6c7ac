#include "keeper/pool.hpp"

#include <system_error>

#include "keeper/pool_case.hpp"

namespace portier::keeper {

// What is wanted.

// A slot for each process; `inherit` slots get the sockets of their ports: TCP shared, UDP each its own.
TEST(WantedSlots, AreOneAProcess) {
    const std::uint16_t number = test::free_ports();
    config::Config config;
    config.handlers = {pair_of(kStays), shell_handler("routed", kStays)};
    config.handlers[1].delivery = config::Delivery::handoff;
    config.ports = {port_entry("veg", config::Protocol::tcp, number), port_entry("veg", config::Protocol::udp, number),
                    port_entry("routed", config::Protocol::tcp, test::free_ports())};
    std::uint32_t next = 1;
    const SocketSet sockets = SocketSet::build(config, {}, next);
    const auto wanted = wanted_slots(config, sockets);
    ASSERT_EQ(wanted.size(), 3u);
    const auto& first = wanted.at({"veg", 0}).sockets;
    const auto& second = wanted.at({"veg", 1}).sockets;
    ASSERT_EQ(first.size(), 2u);
    ASSERT_EQ(second.size(), 2u);
    EXPECT_EQ(first[0].socket, second[0].socket);
    EXPECT_EQ(first[0].name, std::to_string(number) + "/tcp");
    EXPECT_NE(first[1].socket, second[1].socket);
    EXPECT_EQ(first[1].name, std::to_string(number) + "/udp");
    EXPECT_TRUE(wanted.at({"routed", 0}).sockets.empty());
}

// inetd-wait has a slot for each socket, which stays the same when other ports come and go, and starts on demand; the
// other styles of `spawn` have none.
TEST(WantedSlots, AreOneASocketForInetdWait) {
    const std::uint16_t number = test::free_ports(3);
    config::Config config;
    config.handlers = {shell_handler("tftp", kStays), shell_handler("git", kStays)};
    for (config::Handler& handler : config.handlers) handler.delivery = config::Delivery::spawn, handler.processes = 0;
    config.handlers[0].style = config::Style::inetd_wait;
    config.ports = {port_entry("tftp", config::Protocol::udp, number, static_cast<std::uint16_t>(number + 1)),
                    port_entry("git", config::Protocol::tcp, static_cast<std::uint16_t>(number + 2))};
    std::uint32_t next = 1;
    const SocketSet sockets = SocketSet::build(config, {}, next);
    const auto wanted = wanted_slots(config, sockets);
    ASSERT_EQ(wanted.size(), 2u);
    for (const auto& [key, plan] : wanted) {
        EXPECT_EQ(key.first, "tftp");
        ASSERT_EQ(plan.sockets.size(), 1u);
        EXPECT_EQ(plan.sockets[0].socket->number, key.second);
        EXPECT_EQ(plan.handler.start, config::Start::on_demand);
    }
    config.ports.insert(config.ports.begin(), port_entry("tftp", config::Protocol::tcp, number));
    const auto more = wanted_slots(config, SocketSet::build(config, sockets, next));
    ASSERT_EQ(more.size(), 3u);
    for (const auto& [key, plan] : wanted) EXPECT_TRUE(more.at(key).same_process(plan));
}

// Transactions.

// A reload that changes nothing for a process leaves it alone, also when options of its handler changed that only the
// router needs.
TEST_F(PoolTest, UnchangedSlotsKeepTheirProcesses) {
    config::Handler handler = pair_of(kStays);
    pool_.start(slots_of(handler));
    const Pids before = pids();
    ASSERT_EQ(before.size(), 2u);
    handler.balance = config::Balance::source_hash;
    prepare(slots_of(handler));
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{""});
    pool_.commit(slots_of(handler));
    pool_.drain_leaving(milliseconds(0));
    test::run_ready(io_);
    EXPECT_EQ(pids(), before);
    EXPECT_EQ(starts(), 2u);
    EXPECT_EQ(pool_.slots()[0]->plan().handler.balance, config::Balance::source_hash);
}

// Successors run beside the present processes until the commit; those that they replace end when they are drained.
TEST_F(PoolTest, ReplacedProcessesAreDrainedAndGone) {
    config::Handler handler = pair_of(kStays);
    pool_.start(slots_of(handler));
    const Pids before = pids();
    handler.env["MENU"] = "new";
    prepare(slots_of(handler));
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{""});
    EXPECT_EQ(pids(), before) << "nothing of the present has changed yet";
    pool_.commit(slots_of(handler));
    const Pids after = pids();
    ASSERT_EQ(after.size(), 2u);
    for (const auto& [key, pid] : before) {
        EXPECT_NE(after.at(key), pid);
        EXPECT_FALSE(is_gone(pid)) << "it still serves what it has";
    }
    EXPECT_EQ(environment_of_handler(after.at({"veg", 0}))["MENU"], "new");
    pool_.drain_leaving(kLong);
    for (const auto& [key, pid] : before) EXPECT_TRUE(run_until_gone(pid));
    ASSERT_TRUE(run_until([&] { return log_.lines_with("\"because\":\"replaced\"").size() == 2; }));
    EXPECT_EQ(pids(), after);
    EXPECT_TRUE(log_.lines_with("another one follows").empty());
}

// Slots that are not wanted any more end, new ones come, the others stay.
TEST_F(PoolTest, SlotsComeAndGo) {
    config::Handler handler = pair_of(kStays);
    pool_.start(slots_of(handler));
    const Pids before = pids();
    auto wanted = slots_of(handler);
    wanted.erase({"veg", 1});
    wanted.merge(slots_of(shell_handler("bread", kStays)));
    prepare(wanted);
    ASSERT_TRUE(run_until_settled());
    pool_.commit(wanted);
    pool_.drain_leaving(kLong);
    EXPECT_TRUE(run_until_gone(before.at({"veg", 1})));
    EXPECT_TRUE(run_until([&] { return log_.lines_with("\"because\":\"removed\"").size() == 1; }));
    const Pids after = pids();
    ASSERT_EQ(after.size(), 2u);
    EXPECT_EQ(after.at({"veg", 0}), before.at({"veg", 0}));
    EXPECT_TRUE(after.contains({"bread", 0}));
}

// The answer waits for successors that have to say that they are ready.
TEST_F(PoolTest, WaitsUntilCandidatesAreReady) {
    config::Handler handler = shell_handler("veg", kStays);
    pool_.start(slots_of(handler));
    handler.ready = config::Ready::notify;
    prepare(slots_of(handler));
    test::run_ready(io_);
    EXPECT_TRUE(settled_.empty());
    notify(last_started(), "READY=1");
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{""});
}

// A successor that ends too early refuses the whole: everything is as it was, the other successors are gone.
TEST_F(PoolTest, FailingCandidateLeavesEverything) {
    config::Handler handler = shell_handler("veg", kStays);
    pool_.start(slots_of(handler));
    const Pids before = pids();
    handler.env["MENU"] = "new";
    auto wanted = slots_of(handler);
    config::Handler broken = shell_handler("bread", "echo hm; printf 'no \\033flour\\n'; exit 3");
    broken.ready = config::Ready::notify;
    wanted.merge(slots_of(broken));
    prepare(wanted);
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{"handler bread: its new process ended before it was ready (exit code "
                                                 "3); it wrote: no \\x1bflour"});
    const pid_t successor = last_started();
    pool_.abandon();
    EXPECT_TRUE(run_until_gone(successor));
    EXPECT_EQ(pids(), before);
    EXPECT_FALSE(is_gone(before.at({"veg", 0})));
    test::run_ready(io_);
    EXPECT_EQ(settled_.size(), 1u) << "answered once";
}

// One that takes too long has not ended of its own will, and says so.
TEST_F(PoolTest, CandidateThatIsNotReadyInTime) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.ready = config::Ready::notify;
    handler.ready_timeout = milliseconds(50);
    prepare(slots_of(handler));
    ASSERT_TRUE(run_until_settled());
    EXPECT_EQ(settled_, std::vector<std::string>{"handler veg: its new process: it was not ready within 50 ms"});
}

// One that cannot be started throws; abandon() then ends the others.
TEST_F(PoolTest, CandidateThatCannotStartThrows) {
    pool_.start(slots_of(shell_handler("veg", kStays)));
    const Pids before = pids();
    auto wanted = slots_of(shell_handler("bread", kStays));
    config::Handler broken = shell_handler("cake", kStays);
    broken.program = "/no/such";
    wanted.merge(slots_of(broken));
    EXPECT_THROW(prepare(wanted), std::system_error);
    const pid_t bread = last_started();
    pool_.abandon();
    EXPECT_TRUE(run_until_gone(bread));
    EXPECT_EQ(pids(), before);
    test::run_ready(io_);
    EXPECT_TRUE(settled_.empty());
}

// A successor that is ready may serve clients already: it is asked to end, not killed.
TEST_F(PoolTest, AbandonedMayFinish) {
    prepare(
        slots_of(shell_handler("veg", "trap 'echo goodbye; exit 0' TERM; echo there; while :; do sleep 0.01; done")));
    ASSERT_TRUE(run_until_said("there"));
    const pid_t successor = last_started();
    pool_.abandon();
    EXPECT_TRUE(run_until_said("goodbye"));
    EXPECT_TRUE(run_until_gone(successor));
    EXPECT_TRUE(run_until([&] { return pool_.leaving().empty(); }));
}

// An abandoned transaction is never answered, even if its processes were about to be ready.
TEST_F(PoolTest, AbandonedIsNotAnswered) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.ready = config::Ready::notify;
    prepare(slots_of(handler));
    const pid_t candidate = last_started();
    notify(candidate, "READY=1");
    pool_.abandon();
    test::run_ready(io_);
    EXPECT_TRUE(settled_.empty());
    EXPECT_TRUE(is_gone(candidate));
    EXPECT_TRUE(pool_.slots().empty());
}

// A process that takes no more connections and stays is stopped after a second, and another one follows.
TEST_F(PoolTest, ReplacesWhoTakesNoMore) {
    pool_.start(slots_of(pair_of(kStays)));
    const Pids before = pids();
    const std::uint32_t broken = pool_.slots()[0]->process()->row();
    pool_.replace_broken(broken);
    ASSERT_TRUE(run_until([&] { return starts() == 3; }));
    const Pids after = pids();
    EXPECT_NE(after.at({"veg", 0}), before.at({"veg", 0}));
    EXPECT_EQ(after.at({"veg", 1}), before.at({"veg", 1}));
    EXPECT_EQ(log_.lines_with("it took no more connections").size(), 1u);
    pool_.replace_broken(broken);  // of nobody now
}

}  // namespace portier::keeper

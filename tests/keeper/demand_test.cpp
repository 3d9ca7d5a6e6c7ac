#include "keeper/demand.hpp"

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

class DemandTest : public Stage {
protected:
    std::unique_ptr<Slot> make_slot(const config::Handler& handler, std::vector<InheritedSocket> sockets = {}) {
        return std::make_unique<Slot>(context(), SlotPlan{.handler = handler, .sockets = std::move(sockets)},
                                      Slot::Events{.changed = [] {}, .failed = [](const ProcessEnd&) {}});
    }

    std::vector<std::string> woken_;
    std::vector<SlotKey> asleep_;
    Demand demand_{io_,
                   *board_,
                   {.wake = [this](const SlotKey& key) { woken_.push_back(key.first); },
                    .put_to_sleep = [this](const SlotKey& key) { asleep_.push_back(key); }}};
};

config::Handler sleeper(const std::string& name) {
    config::Handler handler = shell_handler(name, kStays);
    handler.start = config::Start::on_demand;
    return handler;
}

config::Handler idler(const std::string& name) {
    config::Handler handler = sleeper(name);
    handler.stop_when_idle = milliseconds(50);
    return handler;
}

std::vector<InheritedSocket> listening_socket() {
    return {{std::make_shared<OpenSocket>(1, test::listen_somewhere()), "7001/tcp"}};
}

Fd connect_to(const std::vector<InheritedSocket>& sockets) {
    return test::connect_to(test::port_of(sockets[0].socket->fd));
}

}  // namespace

// A connection wakes the handler that sleeps behind the port, and no other. The connection is not taken.
TEST_F(DemandTest, ConnectionWakesItsHandler) {
    const auto veg_sockets = listening_socket(), bread_sockets = listening_socket();
    const auto veg = make_slot(sleeper("veg"), veg_sockets), bread = make_slot(sleeper("bread"), bread_sockets);
    demand_.assign({veg.get(), bread.get()});
    test::run_ready(io_);
    EXPECT_TRUE(woken_.empty());
    const Fd client = connect_to(veg_sockets);
    ASSERT_TRUE(run_until([&] { return !woken_.empty(); }));
    test::run_ready(io_);
    EXPECT_EQ(woken_, std::vector<std::string>{"veg"}) << "once, until the slots are told anew";
    EXPECT_TRUE(test::accept_from(veg_sockets[0].socket->fd));
}

// While one process of the pool is awake, what arrives at the listener they share is for that one.
TEST_F(DemandTest, SleepersAreNotWokenForWhatAnotherProcessAttendsTo) {
    const auto sockets = listening_socket();
    const auto awake = make_slot(sleeper("veg"), sockets), asleep = make_slot(sleeper("veg"), sockets);
    awake->start();
    demand_.assign({awake.get(), asleep.get()});
    const Fd client = connect_to(sockets);
    const auto bread_sockets = listening_socket();
    const auto bread = make_slot(sleeper("bread"), bread_sockets);
    demand_.assign({awake.get(), asleep.get(), bread.get()});
    const Fd later = connect_to(bread_sockets);
    ASSERT_TRUE(run_until([&] { return !woken_.empty(); }));
    EXPECT_EQ(woken_, std::vector<std::string>{"bread"});
}

// The slot that is told is the one whose socket it is.
TEST_F(DemandTest, WakesTheSlotOfTheSocket) {
    config::Handler handler = sleeper("tftp");
    handler.delivery = config::Delivery::spawn;
    std::vector<std::unique_ptr<Slot>> slots;
    std::vector<InheritedSocket> sockets;
    for (std::uint32_t number : {7u, 8u}) {
        sockets.push_back({std::make_shared<OpenSocket>(number, test::listen_somewhere()), "port"});
        slots.push_back(std::make_unique<Slot>(context(), SlotPlan{handler, number, {sockets.back()}},
                                               Slot::Events{.changed = [] {}, .failed = [](const ProcessEnd&) {}}));
    }
    std::vector<SlotKey> keys;
    Demand demand(io_, *board_,
                  {.wake = [&](const SlotKey& key) { keys.push_back(key); }, .put_to_sleep = [](const SlotKey&) {}});
    demand.assign({slots[0].get(), slots[1].get()});
    const Fd client = test::connect_to(test::port_of(sockets[1].socket->fd));
    ASSERT_TRUE(run_until([&] { return !keys.empty(); }));
    EXPECT_EQ(keys, (std::vector<SlotKey>{{"tftp", 8}}));
}

// So does a datagram wake its handler.
TEST_F(DemandTest, DatagramWakes) {
    const std::uint16_t number = test::free_ports();
    const auto socket = std::make_shared<OpenSocket>(1, net::open_udp_socket({test::kLoopback, number}, true));
    const auto slot = make_slot(sleeper("veg"), {{socket, "7001/udp"}});
    demand_.assign({slot.get()});
    const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t length = net::to_sockaddr({test::kLoopback, number}, address);
    ASSERT_EQ(::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), length), 1);
    EXPECT_TRUE(run_until([&] { return woken_ == std::vector<std::string>{"veg"}; }));
}

// The sockets of a process that runs are its own business.
TEST_F(DemandTest, DoesNotWatchTheAwake) {
    const auto sockets = listening_socket(), other_sockets = listening_socket();
    const auto awake = make_slot(sleeper("awake"), sockets), asleep = make_slot(sleeper("asleep"), other_sockets);
    awake->start();
    demand_.assign({awake.get(), asleep.get()});
    const Fd unheard = connect_to(sockets);
    const Fd heard = connect_to(other_sockets);
    ASSERT_TRUE(run_until([&] { return !woken_.empty(); }));
    EXPECT_EQ(woken_, std::vector<std::string>{"asleep"});
}

// Telling the slots anew from within the call is what the keeper does, and a handler that still sleeps is watched
// again.
TEST_F(DemandTest, MayBeAssignedFromItsOwnCall) {
    const auto sockets = listening_socket();
    const auto slot = make_slot(sleeper("veg"), sockets);
    int calls = 0;
    Demand demand(io_, *board_,
                  {.wake =
                       [&](const SlotKey&) {
                           if (++calls < 3) demand.assign({slot.get()});
                       },
                   .put_to_sleep = [](const SlotKey&) {}});
    demand.assign({slot.get()});
    const Fd client = connect_to(sockets);
    EXPECT_TRUE(run_until([&] { return calls == 3; }));
}

// A process that has forked somebody who has a connection is busy, whatever the board says.
TEST_F(DemandTest, WhoServesInAForkedProcessIsBusy) {
    auto sockets = listening_socket();
    test::Pair pair = test::make_pair(sockets[0].socket->fd);
    sockets.push_back({std::make_shared<OpenSocket>(2, std::move(pair.accepted)), "connection"});
    config::Handler forks = idler("forks");
    forks.command.back() = "sleep 1000 & exec sleep 1000 4<&-";
    config::Handler later = idler("later");
    later.stop_when_idle = milliseconds(1500);
    const auto busy = make_slot(forks, sockets), idle = make_slot(later, listening_socket());
    busy->start();
    sockets.clear();
    ASSERT_TRUE(run_until([&] {
        const auto own = test::open_descriptors(busy->process()->pid());
        return own.contains(3) && !own.contains(4);
    }));
    idle->start();
    demand_.assign({busy.get(), idle.get()});
    ASSERT_TRUE(run_until([&] { return !asleep_.empty(); }));
    EXPECT_EQ(asleep_, (std::vector<SlotKey>{{"later", 0}}));
    pair.client.reset();
    busy->release()->kill();
}

// A process without a connection for so long is put to sleep, once; one with a connection is not, nor one whose handler
// does not want it.
TEST_F(DemandTest, PutsTheIdleToSleep) {
    const auto idle = make_slot(idler("idle")), busy = make_slot(idler("busy")), always = make_slot(sleeper("always"));
    for (Slot* slot : {idle.get(), busy.get(), always.get()}) slot->start();
    metrics::ProcessRow& busy_row = row(busy->process()->row());
    busy_row.opened.add();
    demand_.assign({idle.get(), busy.get(), always.get()});
    EXPECT_TRUE(asleep_.empty()) << "it has only just come";
    ASSERT_TRUE(run_until([&] { return !asleep_.empty(); }));
    EXPECT_EQ(asleep_, (std::vector<SlotKey>{{"idle", 0}}));
    busy_row.ended.add();
    ASSERT_TRUE(run_until([&] { return asleep_.size() >= 2; }));
    EXPECT_EQ(asleep_, (std::vector<SlotKey>{{"idle", 0}, {"busy", 0}}));
}

// A process that accepts for itself is asked of the kernel, which knows of its connections before the board does.
TEST_F(DemandTest, ConnectionsThatAProcessHoldsKeepItAwake) {
    std::vector<InheritedSocket> sockets = listening_socket();
    test::Pair pair = test::make_pair(sockets[0].socket->fd);
    sockets.push_back({std::make_shared<OpenSocket>(2, std::move(pair.accepted)), "its connection"});
    const auto busy = make_slot(idler("busy"), std::move(sockets)), idle = make_slot(idler("idle"), listening_socket());
    busy->start();
    idle->start();
    demand_.assign({busy.get(), idle.get()});
    ASSERT_TRUE(run_until([&] { return !asleep_.empty(); }));
    EXPECT_EQ(asleep_, (std::vector<SlotKey>{{"idle", 0}}));
}

// Processes of a pool share their listener; the connection wakes their handler once.
TEST_F(DemandTest, SharedListenerWakesOnce) {
    const auto sockets = listening_socket();
    const auto one = make_slot(sleeper("veg"), sockets), two = make_slot(sleeper("veg"), sockets);
    demand_.assign({one.get(), two.get()});
    const Fd client = connect_to(sockets);
    ASSERT_TRUE(run_until([&] { return !woken_.empty(); }));
    test::run_ready(io_);
    EXPECT_EQ(woken_.size(), 1u);
}

// Changes elsewhere do not begin the time of an idle process anew; a new process in its slot does.
TEST_F(DemandTest, OtherChangesDoNotResetTheTime) {
    config::Handler handler = idler("veg");
    handler.stop_when_idle = milliseconds(1000);
    const auto slot = make_slot(handler);
    slot->start();
    demand_.assign({slot.get()});
    // Told so often, it would never be put to sleep if each time counted as a beginning.
    ASSERT_TRUE(run_until([&] {
        demand_.assign({slot.get()});
        return !asleep_.empty();
    }));
    asleep_.clear();
    slot->release()->kill();
    slot->start();
    demand_.assign({slot.get()});
    EXPECT_TRUE(asleep_.empty());
}

// After stop() nothing is watched and nothing is left to happen.
TEST_F(DemandTest, StopIsFinal) {
    const auto sockets = listening_socket();
    const auto asleep = make_slot(sleeper("asleep"), sockets), idle = make_slot(idler("idle"));
    idle->start();
    demand_.assign({asleep.get(), idle.get()});
    const Fd client = connect_to(sockets);
    demand_.stop();
    idle->release().reset();
    io_.restart();
    io_.run();
    EXPECT_TRUE(woken_.empty());
    EXPECT_TRUE(asleep_.empty());
}

}  // namespace portier::keeper

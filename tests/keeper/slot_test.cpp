#include "keeper/slot.hpp"

#include <signal.h>

#include <system_error>

#include "keeper/slot_case.hpp"
#include "support/folder.hpp"
#include "support/tcp.hpp"

namespace portier::keeper {

namespace {

class SlotTest : public SlotCase {};

#define EXPECT_BETWEEN(value, low, high) \
    EXPECT_GE(value, low);               \
    EXPECT_LE(value, high)

}  // namespace

// Restarts.

// The delay doubles from `first` to `max`, and is up to a tenth shorter by chance.
TEST_F(SlotTest, BacksOff) {
    config::Handler handler = shell_handler("veg", "exit 1");
    handler.restart = {.first = milliseconds(20), .max = milliseconds(70)};
    const auto slot = started(handler);
    ASSERT_TRUE(run_until([&] { return delays().size() >= 5; }));
    const auto delay = delays();
    EXPECT_BETWEEN(delay[0], 18, 20);
    EXPECT_BETWEEN(delay[1], 36, 40);
    for (const std::size_t late : {2, 3, 4}) {
        EXPECT_BETWEEN(delay[late], 63, 70);
    }
    EXPECT_EQ(restarts(Restarted::exit), 4u) << "counted when it happens";
    EXPECT_TRUE(failures_.empty());
}

// Slots that fail together do not come back in step.
TEST_F(SlotTest, DelaysDiffer) {
    config::Handler handler = shell_handler("veg", "exit 1");
    handler.restart = {.first = milliseconds(100'000), .max = milliseconds(100'000)};
    std::vector<std::unique_ptr<Slot>> slots;
    for (int i = 0; i < 10; ++i) slots.push_back(started(handler));
    ASSERT_TRUE(run_until([&] { return delays().size() == 10; }));
    const auto all = delays();
    EXPECT_GT((std::set<long>(all.begin(), all.end()).size()), 1u);
    for (const long delay : all) {
        EXPECT_BETWEEN(delay, 90'000, 100'000);
    }
}

// A process that lived for ten seconds was stable: after its end the delay is the first again.
TEST_F(SlotTest, StableProcessResetsTheDelay) {
    const test::Folder folder;
    config::Handler handler =
        shell_handler("veg", "echo x >> lives; [ $(wc -l < lives) = 3 ] && exec sleep 10.1; exit 1");
    handler.working_directory = folder / "";
    handler.restart = {.first = milliseconds(10), .max = milliseconds(1000)};
    const auto slot = started(handler);
    ASSERT_TRUE(run_until([&] { return delays().size() >= 3; }));
    const auto delay = delays();
    EXPECT_BETWEEN(delay[1], 18, 20);
    EXPECT_BETWEEN(delay[2], 9, 10);
}

// Restarts are counted by what ended the process before.
TEST_F(SlotTest, CountsByReason) {
    auto slot = started(shell_handler("veg", "kill -KILL $$"));
    ASSERT_TRUE(run_until([&] { return restarts(Restarted::signal) >= 1; }));
    slot.reset();
    const std::size_t announced = delays().size();
    slot = started(missing_program());
    EXPECT_EQ(delays().size(), announced + 1) << "a start that fails is tried again, too";
    ASSERT_TRUE(run_until([&] { return restarts(Restarted::failed) >= 2; }));
    EXPECT_NE(log_.text().find("exec /no/such: No such file or directory"), std::string::npos);
}

// A process finds its listener listening, whatever the one before it did to it.
TEST_F(SlotTest, RepairsWhatAProcessDidToItsSocket) {
    const net::Place place{test::kLoopback, test::free_ports()};
    const auto socket = std::make_shared<OpenSocket>(1, net::open_tcp_listener(place, {}, 10), 10);
    ::shutdown(socket->fd.get(), SHUT_RDWR);
    const auto slot = make(shell_handler("veg", kStays), {{socket, "7001/tcp"}});
    slot->start();
    EXPECT_TRUE(test::connect_to(place.port));
    EXPECT_EQ(log_.lines_with("it is as before again").size(), 1u);
}

// While it waits for the next start the board shows that; afterwards there is nothing left of the waiting.
TEST_F(SlotTest, ShowsThatItWaits) {
    config::Handler handler = shell_handler("veg", "exit 1");
    handler.restart.first = milliseconds(100'000);
    auto slot = started(handler);
    EXPECT_EQ(changes_, 1);
    ASSERT_TRUE(run_until([&] { return changes_ == 2; }));
    EXPECT_FALSE(slot->is_ready());
    EXPECT_EQ(slot->process(), nullptr);
    EXPECT_EQ(count_rows(ProcessState::waiting), 1u);
    slot.reset();
    EXPECT_EQ(count_rows(ProcessState::waiting), 0u);
}

// A board without room for its process is a reason to wait like any other, also when not even the waiting can be shown.
TEST_F(SlotTest, WaitsForRoomOnTheBoard) {
    std::uint32_t last = 0;
    for (std::size_t i = 1; i < metrics::kMaxProcessRows; ++i) last = rows_.take_process();
    const auto slot = started(on_demand(kStays));
    ASSERT_TRUE(run_until([&] { return delays().size() >= 3; }));
    EXPECT_FALSE(slot->sleeps()) << "it waits for its next start";
    rows_.give_back_process(last);
    EXPECT_TRUE(run_until([&] { return slot->is_ready(); }));
}

// A slot that goes ends its process.
TEST_F(SlotTest, DestructorEndsItsProcess) {
    auto slot = started(shell_handler("veg", kStays));
    const pid_t pid = slot->process()->pid();
    slot.reset();
    EXPECT_TRUE(is_gone(pid));
    EXPECT_EQ(count_rows(ProcessState::ready), 0u);
    test::run_ready(io_);
    EXPECT_EQ(starts(), 1u);
}

// A process that is given away is nobody's to restart.
TEST_F(SlotTest, ReleaseGivesTheProcessAway) {
    const auto slot = started(shell_handler("veg", kStays));
    const auto process = slot->release();
    ASSERT_TRUE(process);
    EXPECT_EQ(slot->process(), nullptr);
    bool ended = false;
    process->set_events({.ready = nullptr, .ended = [&](const ProcessEnd&) { ended = true; }});
    ::kill(process->pid(), SIGKILL);
    ASSERT_TRUE(run_until([&] { return ended; }));
    io_.restart();
    io_.poll();
    EXPECT_EQ(starts(), 1u);
    EXPECT_TRUE(delays().empty());
}

// A slot that waits for a restart forgets it when it is released: nothing is left to happen.
TEST_F(SlotTest, ReleaseCallsTheRestartOff) {
    const auto slot = started(shell_handler("veg", "exit 1"));
    ASSERT_TRUE(run_until([&] { return changes_ == 2; }));
    EXPECT_EQ(slot->release(), nullptr);
    io_.restart();
    io_.run();
    EXPECT_EQ(starts(), 1u);
}

// On demand.

// It sleeps until it is started, and sleeps again when the process has ended of its own will.
TEST_F(SlotTest, OnDemandSleepsAndWakes) {
    config::Handler handler = on_demand("read line; exit 0");
    handler.restart.first = milliseconds(1);
    const auto slot = make(handler);
    EXPECT_TRUE(slot->sleeps());
    slot->start_candidate();
    EXPECT_TRUE(slot->sleeps()) << "a candidate only takes its place";
    slot->start();
    EXPECT_FALSE(slot->sleeps());
    EXPECT_TRUE(slot->is_ready());
    ASSERT_TRUE(run_until([&] { return slot->sleeps(); }));
    EXPECT_EQ(restarts(Restarted::exit), 0u);
    EXPECT_TRUE(delays().empty());
    slot->start();
    EXPECT_TRUE(slot->is_ready());
}

// One that fails is restarted like any other.
TEST_F(SlotTest, OnDemandRestartsAfterAFailure) {
    const auto slot = make(on_demand("exit 1"));
    slot->start();
    ASSERT_TRUE(run_until([&] { return restarts(Restarted::exit) >= 2; }));
    EXPECT_FALSE(slot->sleeps());
}

// With inetd-wait every end is a rest: what is still to be read starts it again, not we.
TEST_F(SlotTest, InetdWaitSleepsAfterAFailure) {
    config::Handler handler = on_demand("exit 1");
    handler.delivery = config::Delivery::spawn;
    handler.style = config::Style::inetd_wait;
    const InheritedSocket socket{std::make_shared<OpenSocket>(1, test::listen_somewhere()), "7001/tcp"};
    const auto slot = make(handler, {socket});
    slot->start();
    ASSERT_TRUE(run_until([&] { return slot->sleeps(); }));
    EXPECT_EQ(starts(), 1u);
    handler.program = "/no/such";
    const auto missing = make(handler, {socket});
    missing->start();
    EXPECT_FALSE(missing->sleeps()) << "it rests a little";
    ASSERT_TRUE(run_until([&] { return missing->sleeps(); }));
    const auto& exits = board_->handlers[rows_.handler("veg")].exits;
    EXPECT_EQ(exits[static_cast<std::size_t>(metrics::Exited::failed)].get(), 1u);
    EXPECT_EQ(exits[static_cast<std::size_t>(metrics::Exited::not_started)].get(), 1u);
    EXPECT_TRUE(delays().empty());
}

// A program that takes nothing of what waits is started less and less often, and one line says so; one that takes
// something is started as before.
TEST_F(SlotTest, InetdWaitThatTakesNothingIsStartedLessOften) {
    config::Handler handler = on_demand("exit 0");
    handler.delivery = config::Delivery::spawn;
    handler.style = config::Style::inetd_wait;
    handler.restart = {.first = milliseconds(100), .max = milliseconds(60'000)};
    const InheritedSocket socket{std::make_shared<OpenSocket>(1, test::listen_somewhere()), "7001/tcp"};
    const auto slot = make(handler, {socket});
    const Fd client = test::connect_to(test::port_of(socket.socket->fd));
    const auto rest_of_next = [&] {
        slot->start();
        EXPECT_TRUE(run_until([&] { return !slot->process(); }));
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_TRUE(run_until([&] { return slot->sleeps(); }));
        return std::chrono::steady_clock::now() - begin;
    };
    for (int start = 0; start < 4; ++start) rest_of_next();  // 100 ms, then 100, 200, 400
    EXPECT_GT(rest_of_next(), milliseconds(700));
    EXPECT_EQ(log_.lines_with("takes nothing of what waits").size(), 1u);
    const Fd taken = test::accept_from(socket.socket->fd);
    EXPECT_LT(rest_of_next(), milliseconds(700)) << "there is nothing that it could have taken";
}

// One that ends well, but at once, rests for the first delay: else a connection that nobody takes would start it
// without a pause.
TEST_F(SlotTest, OnDemandRestsAfterAShortLife) {
    config::Handler handler = on_demand("exit 0");
    handler.restart.first = milliseconds(2000);
    const auto slot = make(handler);
    const auto begin = std::chrono::steady_clock::now();
    slot->start();
    ASSERT_TRUE(run_until([&] { return !slot->process(); }));
    EXPECT_FALSE(slot->sleeps());
    EXPECT_EQ(count_rows(ProcessState::waiting), 1u);
    const int changes = changes_;
    ASSERT_TRUE(run_until([&] { return slot->sleeps(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, handler.restart.first - milliseconds(2));
    EXPECT_EQ(changes_, changes + 1) << "so that its sockets are watched again";
    EXPECT_EQ(starts(), 1u);
    EXPECT_EQ(count_rows(ProcessState::waiting), 0u);
}

}  // namespace portier::keeper

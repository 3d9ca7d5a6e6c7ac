#include "keeper/rows.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace portier::keeper {

namespace {

// One handler with `count` ports from "FIRST" on.
config::Config with_ports(std::size_t first, std::size_t count) {
    config::Config config;
    config.handlers = {{.name = "veg"}};
    for (std::size_t i = 0; i < count; ++i) config.ports.push_back({.key = std::to_string(first + i)});
    return config;
}

class RowsTest : public testing::Test {
protected:
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    Rows rows_{*board_};
};

}  // namespace

// A port keeps its row, whatever comes after it; ports and handlers are counted apart.
TEST_F(RowsTest, NamesKeepTheirRows) {
    EXPECT_EQ(rows_.port("7001/tcp"), 0u);
    EXPECT_EQ(rows_.port("7002/tcp"), 1u);
    EXPECT_EQ(rows_.handler("veg"), 0u);
    EXPECT_EQ(rows_.port("7001/tcp"), 0u);
    EXPECT_EQ(board_->globals.port_rows.get(), 2u);
    EXPECT_EQ(board_->globals.handler_rows.get(), 1u);
}

// A full board refuses what is new and still knows what is old.
TEST_F(RowsTest, FullBoardRefusesOnlyWhatIsNew) {
    for (std::size_t i = 0; i < metrics::kMaxPortRows; ++i) rows_.port(std::to_string(i));
    EXPECT_THROW(rows_.port("one more"), std::length_error);
    EXPECT_THROW(rows_.port("one more"), std::length_error);
    EXPECT_EQ(rows_.port("5"), 5u);
    EXPECT_EQ(board_->globals.port_rows.get(), metrics::kMaxPortRows);
}

// What a configuration names has a row from then on, or the whole configuration is refused.
TEST_F(RowsTest, ReservesForAWholeConfiguration) {
    rows_.reserve(with_ports(0, metrics::kMaxPortRows), {});
    EXPECT_EQ(board_->globals.port_rows.get(), metrics::kMaxPortRows);
    EXPECT_EQ(board_->globals.handler_rows.get(), 1u);
    EXPECT_THROW(rows_.reserve(with_ports(0, metrics::kMaxPortRows + 1), {}), std::length_error);
    config::Config crowded;
    for (const char* name : {"veg", "bread"})
        crowded.handlers.push_back({.name = name, .processes = metrics::kMaxProcessRows / 2});
    EXPECT_THROW(rows_.reserve(crowded, {}), std::length_error);
}

// On a full board the rows of ports that are gone serve again, clean; those in force, and those with a connection left,
// keep theirs.
TEST_F(RowsTest, FullBoardUsesRowsOfPortsThatAreGone) {
    rows_.reserve(with_ports(0, metrics::kMaxPortRows), {});
    const std::uint32_t in_force = rows_.port("0"), alive = rows_.port("1"), gone = rows_.port("2");
    board_->ports[alive].accepted.add();
    board_->ports[gone].accepted.add();
    board_->ports[gone].closed[0].add();
    rows_.reserve(with_ports(100'000, 10), with_ports(0, 1));
    EXPECT_EQ(rows_.port("0"), in_force);
    EXPECT_EQ(rows_.port("1"), alive);
    EXPECT_EQ(board_->ports[gone].accepted.get(), 0u);
    EXPECT_THROW(rows_.reserve(with_ports(100'000, metrics::kMaxPortRows), with_ports(0, 1)), std::length_error);
    EXPECT_EQ(board_->globals.port_rows.get(), metrics::kMaxPortRows);
}

// And for the addresses of relays, unless a connection to them is left.
TEST_F(RowsTest, FullBoardUsesRowsOfBackendsThatAreGone) {
    std::set<std::string> all;
    for (std::size_t i = 0; i < metrics::kMaxBackendRows; ++i) all.insert(std::to_string(i));
    rows_.reserve_backends(all, {});
    const std::uint32_t in_force = rows_.backend("0"), alive = rows_.backend("1"), gone = rows_.backend("2");
    board_->backends[alive].opened.add();
    board_->backends[gone].up.set(1);
    EXPECT_THROW(rows_.backend("one more"), std::length_error);
    rows_.reserve_backends({"a", "b"}, {"0"});
    EXPECT_EQ(rows_.backend("0"), in_force);
    EXPECT_EQ(rows_.backend("1"), alive);
    EXPECT_EQ(board_->backends[gone].up.get(), 0u);
    all.insert("one more");
    EXPECT_THROW(rows_.reserve_backends(all, {}), std::length_error);
}

// The same for handlers, unless a process of theirs still runs.
TEST_F(RowsTest, FullBoardUsesRowsOfHandlersThatAreGone) {
    for (std::size_t i = 0; i < metrics::kMaxHandlerRows; ++i) rows_.handler(std::to_string(i));
    const std::uint32_t alive = rows_.handler("1"), gone = rows_.handler("2");
    metrics::ProcessRow& process = board_->processes[rows_.take_process()];
    process.handler.store(alive);
    process.state.store(static_cast<std::uint32_t>(metrics::ProcessState::draining));
    board_->handlers[gone].ended_cpu_microseconds.set(7);
    config::Config next;
    next.handlers = {{.name = "new"}};
    rows_.reserve(next, {});
    EXPECT_EQ(rows_.handler("1"), alive);
    EXPECT_EQ(board_->handlers[gone].ended_cpu_microseconds.get(), 0u);
    EXPECT_LT(rows_.handler("new"), metrics::kMaxHandlerRows);
}

// Row 0 is nobody, so no process ever gets it.
TEST_F(RowsTest, ProcessesBeginAtOne) {
    EXPECT_EQ(rows_.take_process(), 1u);
    EXPECT_EQ(rows_.take_process(), 2u);
    EXPECT_EQ(board_->globals.process_rows.get(), 3u);
}

// A row rests while a thousand others end, because late announcements may still concern it; then it is used, clean.
TEST_F(RowsTest, ProcessRowsAreUsedAgainLateAndClean) {
    const std::uint32_t first = rows_.take_process();
    metrics::ProcessRow& process = board_->processes[first];
    for (metrics::Counter* counter :
         {&process.started_ms, &process.resident_bytes, &process.open_fds, &process.cpu_microseconds, &process.held,
          &process.sent, &process.taken, &process.credit, &process.opened, &process.ended})
        counter->set(7);
    rows_.give_back_process(first);
    unsigned others = 0;
    std::uint32_t next = 0;
    while ((next = rows_.take_process()) != first && others < 5000) {
        ++others;
        rows_.give_back_process(next);
    }
    EXPECT_EQ(next, first);
    EXPECT_EQ(others, 1024u);
    for (const metrics::Counter* counter :
         {&process.started_ms, &process.resident_bytes, &process.open_fds, &process.cpu_microseconds, &process.held,
          &process.sent, &process.taken, &process.credit, &process.opened, &process.ended})
        EXPECT_EQ(counter->get(), 0u);
}

// When nothing fresh is left, a resting row is better than none; when all are in use, the next one is refused.
TEST_F(RowsTest, RestingRowsAreTheLastReserve) {
    std::uint32_t last = 0;
    for (std::size_t i = 1; i < metrics::kMaxProcessRows; ++i) last = rows_.take_process();
    EXPECT_EQ(last, metrics::kMaxProcessRows - 1);
    EXPECT_THROW(rows_.take_process(), std::length_error);
    rows_.give_back_process(17);
    EXPECT_EQ(rows_.take_process(), 17u);
    EXPECT_THROW(rows_.take_process(), std::length_error);
}

}  // namespace portier::keeper

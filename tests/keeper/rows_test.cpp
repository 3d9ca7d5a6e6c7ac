#include "keeper/rows.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace portier::keeper {

namespace {

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

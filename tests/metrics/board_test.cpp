#include "metrics/board.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <limits>
#include <system_error>
#include <thread>

#include "support/random.hpp"

namespace portier::metrics {

namespace {

Handover numbered(std::uint64_t number) {
    return {number, number * 2, static_cast<std::uint32_t>(number), 7};
}

}  // namespace

// A new board is empty and takes up no memory, for all its size.
TEST(Board, IsEmptyAndCostsNothing) {
    const BoardMemory board = BoardMemory::create();
    EXPECT_EQ(board->globals.generation.get(), 0u);
    EXPECT_EQ(board->ports[kMaxPortRows - 1].accepted.get(), 0u);
    EXPECT_EQ(board->processes[kMaxProcessRows - 1].get_state(), ProcessState::absent);
    EXPECT_EQ(board->ledger_size.load(), 0u);
    struct stat status {};
    ASSERT_EQ(::fstat(board.descriptor(), &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(sizeof(Board)));
    EXPECT_LT(status.st_blocks * 512, 1 << 20);
    EXPECT_TRUE(::fcntl(board.descriptor(), F_GETFD) & FD_CLOEXEC);
}

// A second mapping sees what the first one writes, and goes on when the first one is gone: the next router.
TEST(Board, IsSharedAndSurvivesItsWriter) {
    auto first = std::make_unique<BoardMemory>(BoardMemory::create());
    const BoardMemory second = BoardMemory::attach(Fd(::dup(first->descriptor())));
    (*first)->ports[3].accepted.add(41);
    (*first)->handovers.push(numbered(9));
    first.reset();
    EXPECT_EQ(second->ports[3].accepted.get(), 41u);
    second->ports[3].accepted.add();
    EXPECT_EQ(second->ports[3].accepted.get(), 42u);
    Handover item{};
    ASSERT_TRUE(second->handovers.pop(item));
    EXPECT_EQ(item.cookie, 9u);
}

// What is not a board cannot be attached.
TEST(Board, RefusesABadDescriptor) {
    EXPECT_THROW(BoardMemory::attach(Fd()), std::system_error);
}

// What is active never falls below zero, also while the parts are a moment apart.
TEST(PortRow, ActiveIsWhatHasComeAndNotGone) {
    PortRow row;
    EXPECT_EQ(row.active(), 0u);
    row.accepted.add(5);
    row.seen.add(2);
    row.closed[0].add(3);
    row.closed[5].add();
    EXPECT_EQ(row.total_closed(), 4u);
    EXPECT_EQ(row.active(), 3u);
    row.closed[1].add(10);
    EXPECT_EQ(row.active(), 0u);
}

// The same for a process: sent to it, found with it, or held by it, and not ended.
TEST(ProcessRow, ActiveIsWhatHasComeAndNotGone) {
    ProcessRow row;
    row.sent.add(5);
    row.opened.add(1);
    row.ended.add(2);
    EXPECT_EQ(row.active(), 4u);
    row.held.set(3);
    EXPECT_EQ(row.active(), 7u);
    row.ended.add(10);
    EXPECT_EQ(row.active(), 3u);
}

// A value on the bound belongs to the bucket, one beyond the last bound to +Inf, and the sum adds up.
TEST(Histogram, PutsValuesIntoBuckets) {
    const struct {
        std::uint64_t microseconds;
        std::size_t bucket;
    } cases[]{{0, 0},          {10, 0},         {11, 1},
              {25, 1},         {1000, 6},       {1001, 7},
              {1'000'000, 10}, {1'000'001, 11}, {std::numeric_limits<std::uint32_t>::max(), 11}};
    Histogram histogram;
    std::uint64_t sum = 0;
    for (const auto& c : cases) {
        const std::uint64_t before = histogram.buckets[c.bucket].get();
        histogram.observe(kDispatchBounds, c.microseconds);
        EXPECT_EQ(histogram.buckets[c.bucket].get(), before + 1) << c.microseconds;
        EXPECT_EQ(histogram.sum_microseconds.get(), sum += c.microseconds);
    }
}

class HandoverQueueTest : public testing::Test {
protected:
    BoardMemory board_ = BoardMemory::create();
    HandoverQueue& queue_ = board_->handovers;
};

// First in, first out, and an empty queue gives nothing.
TEST_F(HandoverQueueTest, KeepsOrder) {
    Handover item{};
    EXPECT_FALSE(queue_.pop(item));
    for (std::uint64_t i = 0; i < 3; ++i) queue_.push(numbered(i));
    for (std::uint64_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(queue_.pop(item));
        EXPECT_EQ(item.cookie, i);
        EXPECT_EQ(item.accepted_ms, i * 2);
    }
    EXPECT_FALSE(queue_.pop(item));
}

// Who looks and dies before it has done its part leaves the record for the next.
TEST_F(HandoverQueueTest, PeekLeavesTheRecord) {
    Handover item{};
    EXPECT_FALSE(queue_.peek(item));
    queue_.push(numbered(7));
    queue_.push(numbered(8));
    for (int look = 0; look < 2; ++look) {
        ASSERT_TRUE(queue_.peek(item));
        EXPECT_EQ(item.cookie, 7u);
    }
    queue_.advance();
    ASSERT_TRUE(queue_.peek(item));
    EXPECT_EQ(item.cookie, 8u);
}

// It says early that it gets full; a full queue refuses and keeps what it has; one pop makes room for one push.
TEST_F(HandoverQueueTest, RefusesWhenFull) {
    for (std::uint64_t i = 0; i < HandoverQueue::kCapacity; ++i) {
        ASSERT_EQ(queue_.nearly_full(), i > HandoverQueue::kCapacity - 1024) << i;
        ASSERT_TRUE(queue_.push(numbered(i)));
    }
    EXPECT_FALSE(queue_.push(numbered(99)));
    Handover item{};
    ASSERT_TRUE(queue_.pop(item));
    EXPECT_EQ(item.cookie, 0u);
    EXPECT_TRUE(queue_.push(numbered(HandoverQueue::kCapacity)));
    EXPECT_FALSE(queue_.push(numbered(99)));
    for (std::uint64_t i = 1; i <= HandoverQueue::kCapacity; ++i) {
        ASSERT_TRUE(queue_.pop(item));
        ASSERT_EQ(item.cookie, i);
    }
}

// It goes round and round: a random mixture of pushes and pops over several times its length loses nothing.
TEST_F(HandoverQueueTest, Wraps) {
    test::Random random;
    std::uint64_t pushed = 0, popped = 0;
    while (popped < 5 * HandoverQueue::kCapacity) {
        for (std::uint64_t i = random.between(0, HandoverQueue::kCapacity); i > 0; --i)
            pushed += queue_.push(numbered(pushed));
        Handover item{};
        for (std::uint64_t i = random.between(0, HandoverQueue::kCapacity); i > 0 && queue_.pop(item); --i)
            ASSERT_EQ(item.cookie, popped++);
    }
    EXPECT_LE(pushed - popped, HandoverQueue::kCapacity);
}

// Who attaches may be hostile: the owner's memory stays where it is.
TEST(BoardMemory, NobodyCanTakeTheMemoryAway) {
    const BoardMemory board = BoardMemory::create();
    struct stat before {
    }, after{};
    ASSERT_EQ(::fstat(board.descriptor(), &before), 0);
    EXPECT_EQ(::ftruncate(board.descriptor(), 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::fcntl(board.descriptor(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    ASSERT_EQ(::fstat(board.descriptor(), &after), 0);
    EXPECT_EQ(after.st_size, before.st_size);
}

// One thread writes while another one reads.
TEST_F(HandoverQueueTest, ServesTwoThreads) {
    constexpr std::uint64_t kCount = 300'000;
    std::thread writer([this] {
        for (std::uint64_t i = 0; i < kCount; ++i) {
            while (!queue_.push(numbered(i))) std::this_thread::yield();
        }
    });
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < kCount;) {
        Handover item{};
        if (queue_.pop(item)) {
            wrong += item.cookie != i || item.accepted_ms != i * 2;
            ++i;
        } else {
            std::this_thread::yield();
        }
    }
    writer.join();
    EXPECT_EQ(wrong, 0u);
}

}  // namespace portier::metrics

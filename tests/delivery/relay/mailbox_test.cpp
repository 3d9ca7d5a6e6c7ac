#include "delivery/relay/mailbox.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace portier::delivery {

TEST(Mailbox, GivesEverythingOnceAndInOrder) {
    Mailbox<int> box;
    EXPECT_TRUE(box.empty());
    EXPECT_TRUE(box.put(1)) << "the first one";
    EXPECT_FALSE(box.put(2));
    EXPECT_FALSE(box.empty());
    EXPECT_EQ(box.take_all(), (std::vector{1, 2}));
    EXPECT_TRUE(box.empty());
    EXPECT_TRUE(box.take_all().empty());
    EXPECT_TRUE(box.put(3)) << "the first one again";
}

// What nobody has taken goes with the box (seen by the leak checker and by the count of owners).
TEST(Mailbox, OwnsWhatNobodyTook) {
    const auto value = std::make_shared<int>(1);
    {
        Mailbox<std::shared_ptr<int>> box;
        box.put(value);
        box.put(value);
        EXPECT_EQ(value.use_count(), 3);
    }
    EXPECT_EQ(value.use_count(), 1);
}

// Each writer's letters come in its order, none is lost and none comes twice, whatever the threads do.
TEST(Mailbox, ManyWritersOneReader) {
    constexpr int kWriters = 3, kEach = 20'000;
    Mailbox<std::pair<int, int>> box;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer)
        writers.emplace_back([&box, writer] {
            for (int i = 0; i < kEach; ++i) box.put({writer, i});
        });
    std::vector<int> next(kWriters, 0);
    int wrong = 0;
    for (int seen = 0; seen < kWriters * kEach;) {
        for (const auto& [writer, number] : box.take_all()) {
            wrong += next[static_cast<std::size_t>(writer)]++ != number;
            ++seen;
        }
        std::this_thread::yield();
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(box.empty());
}

}  // namespace portier::delivery

#include "delivery/udp/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <set>

namespace portier::delivery {

namespace {

std::thread::id id_of(UdpThreads& threads, std::size_t number) {
    std::promise<std::thread::id> promise;
    threads.post(number, [&promise] { promise.set_value(std::this_thread::get_id()); });
    return promise.get_future().get();
}

}  // namespace

// What is posted to a number runs on one thread and always the same, and not on the caller's.
TEST(UdpThreads, EachNumberIsAThread) {
    UdpThreads threads;
    threads.start(3);
    ASSERT_EQ(threads.size(), 3u);
    std::set<std::thread::id> ids{std::this_thread::get_id()};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto id = id_of(threads, i);
        EXPECT_TRUE(ids.insert(id).second);
        EXPECT_EQ(id_of(threads, i), id);
    }
}

TEST(UdpThreads, OneForEachProcessorAndOnlyTheFirstCallDecides) {
    UdpThreads threads;
    threads.start(0);
    const std::size_t size = threads.size();
    EXPECT_EQ(size, std::max(1u, std::thread::hardware_concurrency()));
    threads.start(7);
    EXPECT_EQ(threads.size(), size);
}

TEST(UdpThreads, WaitsForWhatWasPosted) {
    UdpThreads threads;
    threads.start(3);
    std::atomic<int> done{0};
    for (std::size_t i = 0; i < 300; ++i) threads.post(i % 3, [&done] { ++done; });
    threads.finish_posted();
    EXPECT_EQ(done, 300);
}

// A thread that has things to do for ever still ends.
TEST(UdpThreads, StopDropsWhatHasNotRun) {
    std::atomic<bool> running{false};
    UdpThreads threads;
    threads.start(1);
    std::function<void()> again = [&] {
        running = true;
        boost::asio::post(threads.io(0), again);
    };
    threads.post(0, again);
    while (!running) std::this_thread::yield();
    threads.stop();
    running = false;
    threads.stop();  // once more does no harm
    EXPECT_FALSE(running);
}

}  // namespace portier::delivery

#include "delivery/udp/threads.hpp"

#include <algorithm>
#include <future>

namespace portier::delivery {

unsigned threads_for(unsigned count) {
    return count > 0 ? count : std::max(1u, std::thread::hardware_concurrency());
}

void UdpThreads::start(unsigned count) {
    if (!threads_.empty()) return;
    for (unsigned i = 0; i < threads_for(count); ++i) {
        auto thread = std::make_unique<Thread>();
        thread->thread = std::thread([&io = thread->io] { io.run(); });
        threads_.push_back(std::move(thread));
    }
}

void UdpThreads::finish_posted() {
    std::vector<std::future<void>> all_done;
    for (const auto& thread : threads_) {
        auto done = std::make_shared<std::promise<void>>();
        all_done.push_back(done->get_future());
        boost::asio::post(thread->io, [done] { done->set_value(); });
    }
    for (const auto& done : all_done) done.wait();
}

void UdpThreads::stop() {
    for (const auto& thread : threads_) thread->io.stop();
    for (const auto& thread : threads_)
        if (thread->thread.joinable()) thread->thread.join();
}

}  // namespace portier::delivery

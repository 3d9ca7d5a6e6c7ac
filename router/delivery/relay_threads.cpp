#include "delivery/relay_threads.hpp"

#include <algorithm>

namespace portier::delivery {

void RelayThreads::start(unsigned count) {
    if (!threads_.empty()) return;
    if (count == 0) count = std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i) {
        auto thread = std::make_unique<Thread>();
        thread->thread = std::thread([&io = thread->io] { io.run(); });
        threads_.push_back(std::move(thread));
    }
}

void RelayThreads::stop() {
    for (const auto& thread : threads_) thread->io.stop();
    for (const auto& thread : threads_)
        if (thread->thread.joinable()) thread->thread.join();
}

}  // namespace portier::delivery

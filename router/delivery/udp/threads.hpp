// The threads on which relays move datagrams: each has an io_context of its own, and whatever runs on one stays there.
// They start with the first plan that has a UDP port with a relay and live as long as the desk, which owns them and is
// the only one that posts to them. A thread tells the desk by posting to the desk's io_context.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace portier::delivery {

// Of those that a configuration asks for; 0: one for each processor.
unsigned threads_for(unsigned count);

class UdpThreads {
public:
    UdpThreads() = default;
    UdpThreads(const UdpThreads&) = delete;
    UdpThreads& operator=(const UdpThreads&) = delete;
    ~UdpThreads() { stop(); }

    // As many as threads_for() says. The first call decides, others change nothing: what runs on a thread stays there.
    // Throws std::system_error when the kernel gives no thread.
    void start(unsigned count);
    // Ends the threads after the task in hand; what they have not run is dropped. Each io() lives on until this object
    // goes, so that what was made for it can go before.
    void stop();

    std::size_t size() const { return threads_.size(); }
    boost::asio::io_context& io(std::size_t thread) { return threads_[thread]->io; }

    // Waits until every thread has done what was posted before: as long as one takes for its turn, milliseconds.
    void finish_posted();

    // Runs `task` on that thread, soon.
    template <typename Task>
    void post(std::size_t thread, Task&& task) {
        boost::asio::post(io(thread), std::forward<Task>(task));
    }

private:
    struct Thread {
        boost::asio::io_context io{1};
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
        std::thread thread;
    };
    std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace portier::delivery

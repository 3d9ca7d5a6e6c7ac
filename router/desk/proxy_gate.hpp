// Where connections of ports with `proxy_protocol` wait for the header that tells who their client is. The sockets wait
// in an epoll of the gate's own, which they leave before they go on: whoever gets them next must not be watched by us.
// Desk thread only; whoever lets them in bounds their number.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "delivery/delivery.hpp"
#include "metrics/board.hpp"

namespace portier::desk {

class ProxyGate {
public:
    // Some connections of a listener have left: these with their header read, others were refused and counted.
    using OnLeft = std::function<void(std::uint32_t listener, std::vector<delivery::Accepted> passed)>;

    ProxyGate(boost::asio::io_context& io, metrics::Board& board, OnLeft on_left);

    // Gives the connection back if its header is there already. Else it waits for at most `timeout`, and goes on
    // through OnLeft; its ends are those that the header tells, its time that of the header.
    std::optional<delivery::Accepted> enter(std::uint32_t listener, delivery::Accepted accepted,
                                            std::chrono::milliseconds timeout);

    std::size_t waiting(std::uint32_t listener) const;

    // The listener is no more: gives back what has its header by now, and refuses the others, without OnLeft.
    std::vector<delivery::Accepted> close(std::uint32_t listener);

private:
    struct Waiting {
        delivery::Accepted accepted;
        std::uint32_t listener;
        std::uint64_t deadline_us;
    };
    using Left = std::unordered_map<std::uint32_t, std::vector<delivery::Accepted>>;  // by listener

    enum class Verdict { waits, passes, refused };
    Verdict judge(delivery::Accepted& accepted, bool no_more_comes);
    void on_readable();
    void on_event(int fd, std::uint32_t events, Left& left);
    void on_deadline();
    Waiting take(int fd);
    void refuse(const delivery::Accepted& accepted, metrics::Rejected reason);
    void tell(Left left);
    void set_alarm();

    metrics::Board& board_;
    OnLeft on_left_;
    Fd epoll_;
    std::unordered_map<int, Waiting> waiting_;  // by descriptor
    std::set<std::pair<std::uint64_t, int>> deadlines_;
    std::unordered_map<std::uint32_t, std::size_t> count_;  // by listener
    Readable readable_;
    Alarm next_deadline_;
    std::uint64_t alarm_us_ = 0;  // when that is; 0: never
};

}  // namespace portier::desk

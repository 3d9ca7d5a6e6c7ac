// The UDP half of delivery `relay`: all UDP ports of one handler, moved by one relay thread (delivery/udp/port). This
// object is the desk's end; everything it says is done on that thread, in order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

namespace portier::metrics {
struct Board;
}

namespace portier::delivery {

struct HandlerPlan;
struct PortPlan;
class Descriptors;

class UdpRelay {
public:
    // `io` is of the relay thread, and lives longer.
    UdpRelay(boost::asio::io_context& io, metrics::Board& board);
    UdpRelay(const UdpRelay&) = delete;
    UdpRelay& operator=(const UdpRelay&) = delete;
    ~UdpRelay();  // the flows end

    // The backends as they are now, and the ports: those that are not among them any more end their flows.
    void apply(const HandlerPlan& handler, const std::vector<PortPlan>& ports, Descriptors& descriptors);

    // What was said last is done.
    bool idle() const;

private:
    class Ports;

    boost::asio::io_context& io_;
    std::shared_ptr<Ports> ports_;
};

}  // namespace portier::delivery

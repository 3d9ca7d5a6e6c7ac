// The UDP half of delivery `relay`: all UDP ports of one handler, moved by one relay thread (delivery/udp/port). This
// object is the desk's end; everything it says is done on that thread, in order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>
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

    // Ports that are not among these rows end their flows. False: there is none.
    bool keep_ports(const std::set<std::uint32_t>& rows);
    // The backends as they are now, and the ports. Those that were another handler's have been let go there before.
    void apply(const HandlerPlan& handler, const std::vector<PortPlan>& ports, Descriptors& descriptors);

    // What was said last is done.
    bool idle() const;

private:
    class Ports;

    boost::asio::io_context& io_;
    std::shared_ptr<Ports> ports_;
    std::set<std::uint32_t> rows_;  // of the ports as they were told last
};

}  // namespace portier::delivery

// Moves the datagrams of one relayed UDP port: from clients to the backend of their flow and back, in batches and
// within a budget. Runs on the relay thread of its handler's UDP ports only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "delivery/plan.hpp"
#include "delivery/udp/flow_book.hpp"
#include "delivery/udp/proxied_datagrams.hpp"
#include "net/datagrams.hpp"

namespace portier::delivery {

// Buffers that the UDP ports of a thread take turns to use.
struct DatagramBuffers {
    net::DatagramReader reader;
    net::DatagramWriter to_backends;
    net::DatagramWriter to_clients;
};

struct UdpPortOrder {
    PortPlan plan;
    std::string handler;
    ProxySending proxy_sending = ProxySending::none;
    std::vector<std::shared_ptr<Fd>> listeners;  // of each number of the range, in order
    std::shared_ptr<Fd> memory;
    std::shared_ptr<Fd> loopback_socket;
};

class UdpPort {
public:
    struct Parts {
        boost::asio::io_context& io;
        metrics::PortRow& row;
        FlowBackends& backends;
        DatagramBuffers& buffers;
    };

    explicit UdpPort(const Parts& parts);

    // Throws std::system_error; then this object is of no use.
    void apply(UdpPortOrder order);
    // The port is no longer ours, or cannot be served.
    void end_flows(metrics::FlowClosed reason) { book_.end_all(reason); }

private:
    void watch(const std::shared_ptr<Fd>& socket, const std::shared_ptr<Fd>& before, std::uint64_t mark);
    void on_ready();
    bool turn();
    void on_event(std::uint64_t mark, std::uint32_t events);
    void read_clients(std::size_t listener);
    void take(const net::Datagram& datagram, std::uint16_t port);
    std::uint32_t begin(const FlowKey& key, const net::Datagram& datagram);
    void forward(std::uint32_t flow, std::span<const std::byte> bytes, bool first);
    void read_loopback();
    void read_refusals();
    void read_flow(std::uint32_t flow);
    void reply(std::uint32_t flow, std::span<const std::byte> bytes);
    void send_to_backends();
    void send_to_clients();
    void drop(metrics::Dropped reason, std::size_t count = 1);
    void end_idle_flows();
    void count_lost_replies();

    boost::asio::io_context& io_;
    metrics::PortRow& row_;
    FlowBackends& backends_;
    DatagramBuffers& buffers_;
    Fd epoll_;
    FlowBook book_;
    UdpPortOrder order_;
    std::optional<net::Address> address_;  // of ours, if there is only one
    std::vector<net::Network> allow_, deny_, proxies_;
    ProxyPrefixes prefixes_;
    std::uint64_t now_ms_ = 0;                   // of this turn
    std::size_t reply_listener_ = 0;             // that the replies in hand leave by
    std::optional<std::uint32_t> lost_replies_;  // of the socket to local backends: its queue was full
    Readable readable_;
    Alarm next_look_;
};

}  // namespace portier::delivery

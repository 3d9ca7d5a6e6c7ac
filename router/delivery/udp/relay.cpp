#include "delivery/udp/relay.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <map>
#include <system_error>

#include "base/log.hpp"
#include "delivery/descriptors.hpp"
#include "delivery/udp/port.hpp"

namespace portier::delivery {

namespace {

ProxySending proxy_sending(const RelayPlan& relay) {
    if (relay.proxy_protocol.empty()) return ProxySending::none;
    return relay.proxy_datagrams == "first" ? ProxySending::first : ProxySending::every;
}

// nullopt: a descriptor is missing, so the keeper has gone on to another plan already.
std::optional<UdpPortOrder> make_order(const HandlerPlan& handler, const PortPlan& port, Descriptors& descriptors) {
    UdpPortOrder order{.plan = port,
                       .handler = handler.name,
                       .proxy_sending = proxy_sending(handler.relay),
                       .listeners = {},
                       .memory = descriptors.share(port.flows.memory),
                       .loopback_socket = descriptors.share(port.flows.loopback_socket)};
    for (const std::uint32_t number : port.listeners) order.listeners.push_back(descriptors.share(number));
    const bool complete = order.memory && order.loopback_socket && !order.listeners.empty() &&
                          std::find(order.listeners.begin(), order.listeners.end(), nullptr) == order.listeners.end();
    return complete ? std::optional(std::move(order)) : std::nullopt;
}

}  // namespace

// Used by the relay thread only, but for `orders_due`.
class UdpRelay::Ports {
public:
    std::atomic<unsigned> orders_due{0};

    Ports(boost::asio::io_context& io, metrics::Board& board) : io_(io), board_(board), backends_(board) {}

    void apply(const HandlerPlan& handler, std::vector<UdpPortOrder> orders) {
        backends_.update(handler);
        std::map<std::uint32_t, std::unique_ptr<UdpPort>> before;
        before.swap(ports_);
        for (UdpPortOrder& order : orders) {
            const std::uint32_t row = order.plan.row;
            auto& port = ports_[row];
            if (const auto present = before.find(row); present != before.end()) port = std::move(present->second);
            apply(port, std::move(order));
            if (!port) ports_.erase(row);
        }
        for (auto& [row, port] : before)
            if (port) port->end_flows();
        before.clear();
        backends_.forget_gone();
        --orders_due;
    }

private:
    void apply(std::unique_ptr<UdpPort>& port, UdpPortOrder order) {
        const std::string key = order.plan.key;
        try {
            if (!port)
                port =
                    std::make_unique<UdpPort>(UdpPort::Parts{io_, board_.ports[order.plan.row], backends_, buffers_});
            port->apply(std::move(order));
        } catch (const std::system_error& error) {
            log_error("a UDP port is not served", {{"port", key}, {"error", error.what()}});
            port.reset();
        }
    }

    boost::asio::io_context& io_;
    metrics::Board& board_;
    FlowBackends backends_;
    DatagramBuffers buffers_;
    std::map<std::uint32_t, std::unique_ptr<UdpPort>> ports_;  // by row
};

UdpRelay::UdpRelay(boost::asio::io_context& io, metrics::Board& board)
    : io_(io), ports_(std::make_shared<Ports>(io, board)) {}

UdpRelay::~UdpRelay() {
    ++ports_->orders_due;
    boost::asio::post(io_, [ports = std::move(ports_)] { ports->apply({}, {}); });
}

bool UdpRelay::idle() const {
    return ports_->orders_due == 0;
}

void UdpRelay::apply(const HandlerPlan& handler, const std::vector<PortPlan>& ports, Descriptors& descriptors) {
    std::vector<UdpPortOrder> orders;
    for (const PortPlan& port : ports) {
        if (auto order = make_order(handler, port, descriptors))
            orders.push_back(std::move(*order));
        else
            log_error("a UDP port is not served: its descriptors are missing", {{"port", port.key}});
    }
    ++ports_->orders_due;
    boost::asio::post(io_, [ports = ports_, handler, orders = std::move(orders)]() mutable {
        ports->apply(handler, std::move(orders));
    });
}

}  // namespace portier::delivery

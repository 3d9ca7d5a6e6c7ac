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

    void keep(const std::set<std::uint32_t>& rows) {
        std::erase_if(ports_, [&](const auto& item) {
            if (rows.contains(item.first)) return false;
            item.second->end_flows(metrics::FlowClosed::handler_close);
            return true;
        });
        --orders_due;
    }

    void apply(const HandlerPlan& handler, std::vector<UdpPortOrder> orders) {
        backends_.update(handler);
        for (UdpPortOrder& order : orders) {
            auto& port = ports_[order.plan.row];
            apply(port, std::move(order));
        }
        std::erase_if(ports_, [](const auto& item) { return !item.second; });
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
        } catch (const std::exception& error) {  // also too little memory
            log_error("a UDP port is not served", {{"port", key}, {"error", error.what()}});
            if (port) port->end_flows(metrics::FlowClosed::error);
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
    boost::asio::post(io_, [ports = std::move(ports_)] { ports->keep({}); });
}

bool UdpRelay::idle() const {
    return ports_->orders_due == 0;
}

bool UdpRelay::keep_ports(const std::set<std::uint32_t>& rows) {
    if (std::includes(rows.begin(), rows.end(), rows_.begin(), rows_.end())) return false;
    std::erase_if(rows_, [&](std::uint32_t row) { return !rows.contains(row); });
    ++ports_->orders_due;
    boost::asio::post(io_, [ports = ports_, rows = rows_] { ports->keep(rows); });
    return true;
}

void UdpRelay::apply(const HandlerPlan& handler, const std::vector<PortPlan>& ports, Descriptors& descriptors) {
    std::vector<UdpPortOrder> orders;
    rows_.clear();
    for (const PortPlan& port : ports) {
        rows_.insert(port.row);
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

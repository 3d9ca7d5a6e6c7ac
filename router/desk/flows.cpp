#include "desk/flows.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "net/channel.hpp"
#include "net/sock_diag.hpp"

namespace portier::desk {

namespace {

// A door is one message: that is the room for its early datagrams.
constexpr std::size_t kMostEarlyBytes = net::kMaxMessage - net::kHandoffHeaderSize - net::kDoorRecordSize;
constexpr std::size_t kMostEarly = 1024;

constexpr auto kEvicted = static_cast<std::size_t>(metrics::FlowClosed::evicted);

}  // namespace

std::vector<std::vector<std::byte>> WaitingFlow::take_early() {
    std::stable_sort(early.begin(), early.end(),
                     [](const Early& a, const Early& b) { return a.arrived_ns < b.arrived_ns; });
    std::vector<std::vector<std::byte>> taken;
    for (Early& datagram : std::exchange(early, {})) taken.push_back(std::move(datagram.bytes));
    return taken;
}

Flows::Flows(const delivery::PortPlan& plan, metrics::PortRow& row) : row_(row) {
    update(plan);
    if (row.flows.handed.get() > row.total_flows_ended()) find_living();
}

void Flows::update(const delivery::PortPlan& plan) {
    address_ = net::parse_address(plan.address);
    if (address_ && address_->bytes == decltype(net::Address::bytes){}) address_.reset();
    numbers_ = {plan.first, plan.last};
    limits_ = plan.flows;
}

void Flows::find_living() {
    const auto visit = [&](const net::SocketReport& report) {
        const bool connected = report.remote.port != 0;
        if (connected && (!address_ || report.local.address == *address_))
            add_handed({report.remote, report.local}, report.cookie);
    };
    if (const auto error = net::dump_sockets(net::DumpWhat::udp_sockets, {&numbers_, 1}, visit))
        log_warning("cannot find the flows that processes have", {{"error", error.message()}});
}

net::Eviction Flows::evict(std::size_t wanted) {
    const std::uint64_t asked = row_.flows.evictions.get(), done = row_.flows_ended[kEvicted].get();
    const std::uint64_t under_way = asked > done ? asked - done : 0;
    const std::uint64_t more = wanted > under_way ? wanted - under_way : 0;
    row_.flows.evictions.add(more);
    return {.count = static_cast<std::uint32_t>(more), .first = numbers_.first, .last = numbers_.last};
}

void Flows::forget_evictions() {
    row_.flows.evictions.set(row_.flows_ended[kEvicted].get());
}

WaitingFlow* Flows::find_waiting(const FlowKey& key) {
    const auto found = waiting_.find(key);
    return found == waiting_.end() ? nullptr : &found->second;
}

WaitingFlow* Flows::add_waiting(const FlowKey& key) {
    return waiting_.size() < kMostWaiting ? &waiting_[key] : nullptr;
}

bool Flows::append(WaitingFlow& flow, const net::Datagram& datagram) {
    const std::size_t size = net::kDatagramLengthSize + datagram.bytes.size();
    if (flow.early.size() == kMostEarly || flow.early_bytes + size > kMostEarlyBytes) return false;
    if (waiting_bytes_ + size > kMostBytes) return false;
    flow.early.push_back({datagram.arrived_ns, {datagram.bytes.begin(), datagram.bytes.end()}});
    flow.early_bytes += size;
    waiting_bytes_ += size;
    return true;
}

WaitingFlow Flows::take_waiting(const FlowKey& key) {
    const auto found = waiting_.find(key);
    if (found == waiting_.end()) return {};
    WaitingFlow flow = std::move(found->second);
    waiting_.erase(found);
    waiting_bytes_ -= flow.early_bytes;
    return flow;
}

std::optional<std::uint64_t> Flows::find_handed(const FlowKey& key) const {
    const auto found = handed_.find(key);
    return found == handed_.end() ? std::nullopt : std::optional(found->second);
}

void Flows::add_handed(const FlowKey& key, std::uint64_t cookie) {
    handed_[key] = cookie;
    by_cookie_[cookie] = key;
}

std::optional<FlowKey> Flows::remove_handed(std::uint64_t cookie) {
    const auto node = by_cookie_.extract(cookie);
    if (node.empty()) return std::nullopt;
    handed_.erase(node.mapped());
    return node.mapped();
}

}  // namespace portier::desk

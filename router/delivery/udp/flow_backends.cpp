#include "delivery/udp/flow_backends.hpp"

#include <algorithm>

#include "delivery/plan.hpp"
#include "metrics/board.hpp"

namespace portier::delivery {

namespace {

bool is_loopback(const net::Address& address) {
    return address.family == 4 && address.bytes[0] == 127;
}

bool has_room(const FlowBackend& backend) {
    return !backend.max_flows || backend.flows < backend.max_flows;
}

}  // namespace

void FlowBackends::update(const HandlerPlan& plan) {
    const RelayPlan& relay = plan.relay;
    if (!plan.balance.empty()) rule_ = balance_rule(plan.balance);  // empty: the handler is gone
    pass_over_ms_ = relay.fail_timeout_ms;
    has_checks_ = relay.health.interval_ms > 0;
    source_address_ = net::parse_address(relay.source_address).value_or(net::Address{});
    for (auto& backend : backends_) backend->gone = true;
    const bool own_source = !relay.source_address.empty() || relay.transparent;
    for (const BackendPlan& backend : relay.backends) take(backend, !own_source);
    eligible_.reserve(backends_.size());
    candidates_.reserve(backends_.size());
}

void FlowBackends::take(const BackendPlan& plan, bool may_use_loopback) {
    const auto address = net::parse_address(plan.address);
    if (!address) return;  // a Unix socket: it has no datagrams for us
    const net::Endpoint endpoint{*address, plan.port};
    FlowBackend* backend = find(pack(endpoint));
    if (!backend) backend = backends_.emplace_back(std::make_unique<FlowBackend>()).get();
    backend->endpoint = endpoint;
    backend->packed = pack(endpoint);
    backend->name = plan.name;
    backend->row_number = plan.row;
    backend->row = &board_.backends[plan.row];
    backend->weight = plan.weight;
    backend->backup = plan.backup;
    backend->max_flows = plan.max_connections;
    backend->by_loopback = may_use_loopback && is_loopback(*address);
    backend->gone = false;
}

void FlowBackends::forget_gone() {
    std::erase_if(backends_, [](const auto& backend) { return backend->gone; });
}

FlowBackend* FlowBackends::find(const PackedEndpoint& endpoint) const {
    for (const auto& backend : backends_)
        if (backend->packed == endpoint) return backend.get();
    return nullptr;
}

// First those that answer, then the backups that do; when nobody does, all are asked again.
FlowBackend* FlowBackends::choose(const net::Address& source, std::uint64_t now_ms) {
    for (const auto wanted : {0, 1, 2}) {
        eligible_.clear();
        for (const auto& backend : backends_) {
            const bool eligible = wanted == 2 || (answers(*backend, now_ms) && backend->backup == (wanted == 1));
            if (eligible && !backend->gone) eligible_.push_back(backend.get());
        }
        if (FlowBackend* backend = choose_among(source)) return backend;
    }
    return nullptr;
}

FlowBackend* FlowBackends::choose_among(const net::Address& source) {
    if (rule_ == BalanceRule::round_robin) return next_by_weight();
    candidates_.clear();
    for (const FlowBackend* backend : eligible_)
        candidates_.push_back({.identity = backend->row_number,  // so that a client's connections go there, too
                               .connections = backend->flows,
                               .has_room = has_room(*backend),
                               .weight = backend->weight});
    const std::size_t index = delivery::choose(rule_, candidates_, source, turn_);
    return index == kNobody ? nullptr : eligible_[index];
}

// Everybody earns its weight each time; the richest is chosen and pays what all have earned. So turns are spread out.
FlowBackend* FlowBackends::next_by_weight() {
    FlowBackend* best = nullptr;
    std::int64_t earned = 0;
    for (FlowBackend* backend : eligible_) {
        if (!has_room(*backend)) continue;
        backend->credit += backend->weight;
        earned += backend->weight;
        if (!best || backend->credit > best->credit) best = backend;
    }
    if (best) best->credit -= earned;
    return best;
}

void FlowBackends::began(FlowBackend& backend) {
    ++backend.flows;
    backend.row->flows.opened.add();
}

void FlowBackends::resumed(FlowBackend& backend) {
    ++backend.flows;
    backend.row->flows.ended.set(backend.row->flows.ended.get() - 1);
}

void FlowBackends::ended(FlowBackend& backend) {
    --backend.flows;
    backend.row->flows.ended.add();
}

void FlowBackends::failed(FlowBackend& backend, const std::error_code& error, std::uint64_t now_ms) {
    const bool refused = error == std::errc::connection_refused;
    if (!refused && error != std::errc::host_unreachable && error != std::errc::network_unreachable) return;
    const auto why = refused ? metrics::BackendFailed::refused : metrics::BackendFailed::unreachable;
    backend.row->flows.failures[static_cast<std::size_t>(why)].add();
    backend.passed_over_until_ms = now_ms + pass_over_ms_;
}

// Its active checks are the desk's (delivery/relay/backends): by TCP, for a server that answers by both.
bool FlowBackends::answers(const FlowBackend& backend, std::uint64_t now_ms) const {
    return backend.passed_over_until_ms <= now_ms && !(has_checks_ && backend.row->up.get() == 0);
}

bool FlowBackends::is_better_left(const FlowBackend& backend, std::uint64_t now_ms) const {
    if (answers(backend, now_ms)) return false;
    return std::any_of(backends_.begin(), backends_.end(),
                       [&](const auto& other) { return !other->gone && answers(*other, now_ms) && has_room(*other); });
}

}  // namespace portier::delivery

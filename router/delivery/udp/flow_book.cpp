#include "delivery/udp/flow_book.hpp"

#include <sys/epoll.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "delivery/relay/backend_socket.hpp"

namespace portier::delivery {

namespace {

constexpr unsigned kEndsPerTurn = 4096;

std::size_t place(auto reason) {
    return static_cast<std::size_t>(reason);
}

}  // namespace

FlowBook::FlowBook(metrics::PortRow& row, FlowBackends& backends, int epoll)
    : row_(row), backends_(backends), epoll_(epoll) {}

void FlowBook::apply(const PortPlan& plan, const std::string& handler, const std::shared_ptr<Fd>& memory) {
    plan_ = plan;
    plan_.flows.max = std::min<std::uint64_t>(plan.flows.max, FlowTable::kMaxFlows);
    handler_ = handler;
    if (memory != memory_file_ || table_->capacity() < plan_.flows.max) {
        take_over(*memory);
        memory_file_ = memory;
    } else if (sources_.has_value() != (plan.flows.max_per_source > 0)) {
        count_sources();
    }
    for (std::uint32_t index = 0; index < sides_.size(); ++index)
        if (is_living(index) && backend(index).gone) end(index, metrics::FlowClosed::handler_close);
    while (table_->size() > plan_.flows.max) end(table_->least_wanted(), metrics::FlowClosed::evicted);
}

void FlowBook::take_over(const Fd& memory) {
    auto fresh = std::make_unique<FlowMemory>(memory.get());
    for (Side& side : sides_)
        if (side.backend) backends_.ended(*side.backend);  // resumed below
    table_.reset();
    memory_ = std::move(fresh);
    table_ = std::make_unique<FlowTable>(memory_->flows(), memory_->marks(), monotonic_milliseconds());
    sides_.clear();
    sides_.resize(table_->capacity());
    for (std::uint32_t index = 0; index < memory_->marks().used; ++index)
        if ((*table_)[index].state.load(std::memory_order_relaxed) != FlowState::free) resume(index);
    count_sources();
    // What a router before us has counted and not left.
    const std::uint64_t active = row_.active_flows();
    if (active > table_->size()) row_.flows.closed[place(metrics::FlowClosed::unknown)].add(active - table_->size());
}

void FlowBook::resume(std::uint32_t index) {
    const Flow& flow = (*table_)[index];
    FlowBackend* backend = backends_.find(flow.backend);
    const bool asked_here = flow.key.asked.port >= plan_.first && flow.key.asked.port <= plan_.last;
    if (!backend || !asked_here) return table_->remove(index);
    sides_[index].backend = backend;
    backends_.resumed(*backend);
    const bool had_socket = flow.backend_port != 0;
    if ((had_socket || !backend->by_loopback) && open_socket(index)) end(index, metrics::FlowClosed::error);
}

void FlowBook::count_sources() {
    sources_.reset();
    if (plan_.flows.max_per_source == 0) return;
    sources_.emplace(table_->capacity());
    for (std::uint32_t index = 0; index < sides_.size(); ++index)
        if (is_living(index)) sources_->add(unpack((*table_)[index].key.client).address);
}

std::error_code FlowBook::open_socket(std::uint32_t index) {
    Flow& flow = (*table_)[index];
    BackendSocketPlan wanted{backend(index).endpoint, backends_.source_address(), flow.backend_port};
    BackendSocket opened = open_backend_socket(wanted);
    // Somebody else may have taken the port while there was no router.
    if (opened.error == std::errc::address_in_use && wanted.port != 0) {
        wanted.port = 0;
        opened = open_backend_socket(wanted);
    }
    if (opened.error) return opened.error;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, opened.socket.get(), &event) < 0) return errno_code();
    flow.backend_port = opened.port;
    sides_[index].socket = std::move(opened.socket);
    return {};
}

std::variant<std::uint32_t, metrics::Dropped> FlowBook::begin(const FlowKey& key, std::uint32_t interface,
                                                              std::uint64_t now_ms) {
    const net::Address client = unpack(key.client).address;
    if (sources_ && sources_->of(client) >= plan_.flows.max_per_source) return metrics::Dropped::source_limit;
    if (plan_.flows.max == 0) return metrics::Dropped::limit;
    FlowBackend* chosen = backends_.choose(client, now_ms);
    if (!chosen) return metrics::Dropped::no_backend;
    while (table_->size() >= plan_.flows.max) end(table_->least_wanted(), metrics::FlowClosed::evicted);
    const std::uint32_t index = table_->insert(key, now_ms);
    Flow& flow = (*table_)[index];
    flow.interface = interface;
    flow.backend = chosen->packed;
    sides_[index].backend = chosen;
    backends_.began(*chosen);
    row_.flows.created.add();
    if (sources_) sources_->add(client);
    if (chosen->by_loopback) return index;
    auto error = open_socket(index);
    if (error == std::errc::too_many_files_open && table_->size() > 1) {
        end(table_->least_wanted(), metrics::FlowClosed::evicted);
        if (is_living(index)) error = open_socket(index);
    }
    if (!error) return index;
    if (is_living(index)) end(index, metrics::FlowClosed::error);
    if (error == std::errc::too_many_files_open) return metrics::Dropped::limit;
    backends_.failed(*chosen, error, now_ms);
    return metrics::Dropped::no_backend;
}

void FlowBook::end(std::uint32_t index, metrics::FlowClosed reason) {
    const Flow& flow = (*table_)[index];
    Side& side = sides_[index];
    row_.flows.closed[place(reason)].add();
    if (plan_.flows.log) log_end(flow, *side.backend, reason);
    if (sources_) sources_->remove(unpack(flow.key.client).address);
    backends_.ended(*side.backend);
    side = Side();
    table_->remove(index);
}

void FlowBook::end_all(metrics::FlowClosed reason) {
    while (table_ && table_->size() > 0) end(table_->least_wanted(), reason);
}

bool FlowBook::end_idle(std::uint64_t now_ms) {
    if (!table_ || now_ms < plan_.flows.idle_ms) return true;
    for (unsigned count = 0; count < kEndsPerTurn; ++count) {
        const std::uint32_t index = table_->unused_since(now_ms - plan_.flows.idle_ms);
        if (index == FlowTable::kNone) return true;
        end(index, metrics::FlowClosed::idle);
    }
    return false;
}

void FlowBook::log_end(const Flow& flow, const FlowBackend& backend, metrics::FlowClosed reason) const {
    const double seconds = static_cast<double>(monotonic_milliseconds() - flow.since_ms) / 1000;
    log_info("flow", {{"port", plan_.key},
                      {"handler", handler_},
                      {"process", "-"},  // only a handed-off one has one
                      {"delivery", "relay"},
                      {"client", net::to_string(unpack(flow.key.client))},
                      {"local", net::to_string(unpack(flow.key.destination))},
                      {"backend", backend.name},
                      {"received", flow.received},
                      {"sent", flow.sent},
                      {"duration", seconds},
                      {"reason", metrics::kFlowClosedNames[place(reason)]}});
}

}  // namespace portier::delivery

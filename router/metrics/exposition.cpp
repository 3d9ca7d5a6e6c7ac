#include "metrics/exposition.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>

#include "base/version.hpp"
#include "metrics/catalogue.hpp"

namespace portier::metrics {

namespace {

double seconds(std::uint64_t microseconds) {
    return static_cast<double>(microseconds) / 1e6;
}

// The families of the catalogue, filled by name: a name that is not in the catalogue is a defect.
class Page {
public:
    Page() {
        for (const Metric& metric : catalogue()) {
            index_[metric.name] = families_.size();
            families_.push_back({metric.name, metric.help, type_of(metric.kind), {}});
            labels_.push_back(&metric.labels);
        }
    }

    // `values` are those of the catalogue's labels, in its order.
    void set(const char* name, std::initializer_list<std::string> values, double value) {
        auto& family = find(name);
        auto& sample = add_sample(name, values);
        if (family.type == prometheus::MetricType::Counter)
            sample.counter.value = value;
        else
            sample.gauge.value = value;
    }
    void set(const char* name, std::initializer_list<std::string> values, std::uint64_t value) {
        set(name, values, static_cast<double>(value));
    }

    // The sum of histograms with the same bounds.
    void set(const char* name, std::initializer_list<std::string> values,
             std::initializer_list<const Histogram*> histograms, const std::array<std::uint64_t, 11>& bounds) {
        auto& sample = add_sample(name, values);
        std::uint64_t cumulative = 0, sum_microseconds = 0;
        for (std::size_t i = 0; i <= bounds.size(); ++i) {
            for (const Histogram* histogram : histograms) cumulative += histogram->buckets[i].get();
            const double bound = i < bounds.size() ? seconds(bounds[i]) : std::numeric_limits<double>::infinity();
            sample.histogram.bucket.push_back({cumulative, bound});
        }
        for (const Histogram* histogram : histograms) sum_microseconds += histogram->sum_microseconds.get();
        sample.histogram.sample_count = cumulative;
        sample.histogram.sample_sum = seconds(sum_microseconds);
    }

    template <std::size_t N>
    void set_each(const char* name, const std::string& first, const std::array<const char*, N>& words,
                  const std::array<Counter, N>& counters) {
        for (std::size_t i = 0; i < N; ++i) set(name, {first, words[i]}, counters[i].get());
    }

    std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

private:
    static prometheus::MetricType type_of(Kind kind) {
        switch (kind) {
            case Kind::counter: return prometheus::MetricType::Counter;
            case Kind::gauge: return prometheus::MetricType::Gauge;
            case Kind::histogram: return prometheus::MetricType::Histogram;
        }
        std::abort();
    }

    std::size_t position(const char* name) const {
        const auto found = index_.find(name);
        if (found == index_.end()) std::abort();
        return found->second;
    }
    prometheus::MetricFamily& find(const char* name) { return families_[position(name)]; }

    prometheus::ClientMetric& add_sample(const char* name, std::initializer_list<std::string> values) {
        const auto& names = *labels_[position(name)];
        if (names.size() != values.size()) std::abort();
        prometheus::ClientMetric& sample = find(name).metric.emplace_back();
        std::size_t i = 0;
        for (const std::string& value : values) sample.label.push_back({names[i++], value});
        return sample;
    }

    struct Less {
        bool operator()(const char* a, const char* b) const { return std::strcmp(a, b) < 0; }
    };
    std::vector<prometheus::MetricFamily> families_;
    std::vector<const std::vector<const char*>*> labels_;
    std::map<const char*, std::size_t, Less> index_;
};

void add_udp_port(Page& page, const PortSeries& port, const PortRow& row) {
    constexpr auto by_kernel = static_cast<std::size_t>(Dropped::queue_full);
    const std::size_t reasons = port.router_reads ? kDroppedNames.size() : by_kernel + 1;
    for (std::size_t i = 0; i < reasons; ++i)
        page.set("portier_datagrams_dropped_total", {port.port, kDroppedNames[i]},
                 row.flows.datagrams_dropped[i].get() + (i == by_kernel ? row.datagrams_dropped.get() : 0));
    if (!port.router_reads) return;
    page.set("portier_flows_active", {port.port}, row.active_flows());
    page.set("portier_flows_created_total", {port.port}, row.flows.created.get());
    for (std::size_t i = 0; i < kFlowClosedNames.size(); ++i)
        page.set("portier_flows_closed_total", {port.port, kFlowClosedNames[i]},
                 row.flows.closed[i].get() + row.flows_ended[i].get());
    page.set("portier_datagrams_received_total", {port.port}, row.flows.datagrams_received.get());
    page.set("portier_datagrams_sent_total", {port.port}, row.flows.datagrams_sent.get());
}

void add_tcp_port(Page& page, const PortSeries& port, const PortRow& row) {
    const PortRow::Relayed& relayed = row.relayed;
    page.set("portier_connections_accepted_total", {port.port}, row.accepted.get() + row.seen.get());
    page.set("portier_connections_active", {port.port}, row.active());
    page.set("portier_connections_limit", {port.port}, port.limit);
    page.set_each("portier_connections_rejected_total", port.port, kRejectedNames, row.rejected);
    for (std::size_t i = 0; i < kClosedNames.size(); ++i)
        page.set("portier_connections_closed_total", {port.port, kClosedNames[i]},
                 row.closed[i].get() + relayed.closed[i].get());
    page.set("portier_connection_duration_seconds", {port.port}, {&row.duration, &relayed.duration}, kDurationBounds);
    page.set("portier_received_bytes_total", {port.port}, row.received_bytes.get() + relayed.received_bytes.get());
    page.set("portier_sent_bytes_total", {port.port}, row.sent_bytes.get() + relayed.sent_bytes.get());
    page.set("portier_accept_queue_length", {port.port}, row.accept_queue_length.get());
    page.set("portier_accept_queue_limit", {port.port}, row.accept_queue_limit.get());
}

void add_port(Page& page, const PortSeries& port, const PortRow& row) {
    page.set("portier_port_info", {port.port, port.protocol, port.handler, port.delivery}, 1.0);
    if (port.protocol == "udp")
        add_udp_port(page, port, row);
    else
        add_tcp_port(page, port, row);
}

// What the living processes of one handler add up to.
struct Pool {
    std::array<std::uint64_t, kProcessStateNames.size()> states{};
    std::map<std::uint32_t, std::uint64_t> connections;  // by slot
    std::map<std::uint32_t, std::uint64_t> started_ms;   // by slot, of the newest process
    std::uint64_t cpu_microseconds = 0, resident_bytes = 0, open_fds = 0;
};

std::map<std::uint32_t, Pool> add_up_processes(const Board& board) {
    std::map<std::uint32_t, Pool> pools;
    for (std::uint32_t i = 1; i < board.end_of_processes(); ++i) {
        const ProcessRow& process = board.processes[i];
        const ProcessState state = process.get_state();
        if (state == ProcessState::absent) continue;
        const std::uint32_t slot = process.slot.load(std::memory_order_relaxed);
        Pool& pool = pools[process.handler.load(std::memory_order_relaxed)];
        ++pool.states[static_cast<std::size_t>(state)];
        pool.connections[slot] += process.active();
        if (state != ProcessState::waiting)
            pool.started_ms[slot] = std::max(pool.started_ms[slot], process.started_ms.get());
        pool.cpu_microseconds += process.cpu_microseconds.get();
        pool.resident_bytes += process.resident_bytes.get();
        pool.open_fds += process.open_fds.get();
    }
    return pools;
}

void add_backend(Page& page, const std::string& handler, const std::string& backend, const BackendRow& row) {
    page.set("portier_backend_up", {handler, backend}, row.up.get());
    page.set("portier_backend_connections_active", {handler, backend}, row.active());
    page.set("portier_backend_connections_total", {handler, backend}, row.opened.get() + row.flows.opened.get());
    for (std::size_t i = 0; i < kBackendFailedNames.size(); ++i)
        page.set("portier_backend_failures_total", {handler, backend, kBackendFailedNames[i]},
                 row.failures[i].get() + row.flows.failures[i].get());
}

// What only some deliveries have.
void add_delivery(Page& page, const HandlerSeries& handler, const Board& board) {
    const HandlerRow& row = board.handlers[handler.row];
    if (handler.delivery == "spawn")
        page.set_each("portier_handler_exits_total", handler.name, kExitedNames, row.exits);
    if (handler.delivery != "relay") return;
    page.set("portier_handler_queue_length", {handler.name}, row.queue_length.get());
    for (const BackendSeries& backend : handler.backends)
        add_backend(page, handler.name, std::to_string(backend.number), board.backends[backend.row]);
}

void add_handler(Page& page, const std::string& name, const HandlerRow& row, Pool& pool) {
    pool.states[static_cast<std::size_t>(ProcessState::ready)] += row.running();
    for (std::size_t state = 1; state < kProcessStateNames.size(); ++state)
        page.set("portier_handler_processes", {name, kProcessStateNames[state]}, pool.states[state]);
    for (const auto& [slot, connections] : pool.connections)
        page.set("portier_handler_connections_active", {name, std::to_string(slot)}, connections);
    for (const auto& [slot, started] : pool.started_ms)
        page.set("portier_handler_start_time_seconds", {name, std::to_string(slot)},
                 static_cast<double>(started) / 1e3);
    page.set_each("portier_handler_restarts_total", name, kRestartedNames, row.restarts);
    page.set("portier_handler_cpu_seconds_total", {name},
             seconds(row.ended_cpu_microseconds.get() + pool.cpu_microseconds));
    page.set("portier_handler_resident_memory_bytes", {name}, pool.resident_bytes);
    page.set("portier_handler_open_fds", {name}, pool.open_fds);
}

void add_globals(Page& page, const Globals& globals) {
    page.set("portier_build_info", {kVersion}, 1.0);
    page.set("portier_dispatch_duration_seconds", {"handoff"}, {&globals.dispatch_handoff}, kDispatchBounds);
    page.set("portier_dispatch_duration_seconds", {"relay"}, {&globals.dispatch_relay}, kDispatchBounds);
    page.set("portier_dispatch_duration_seconds", {"spawn"}, {&globals.dispatch_spawn}, kDispatchBounds);
    page.set("portier_config_generation", {}, globals.generation.get());
    for (std::size_t i = 0; i < kReloadResultNames.size(); ++i)
        page.set("portier_config_reloads_total", {kReloadResultNames[i]}, globals.reloads[i].get());
    page.set("portier_config_last_reload_successful", {}, globals.last_reload_ok.get());
    page.set("portier_config_last_reload_success_timestamp_seconds", {},
             static_cast<double>(globals.last_reload_ms.get()) / 1e3);
    for (std::size_t i = 0; i < kRouterRestartNames.size(); ++i)
        page.set("portier_router_restarts_total", {kRouterRestartNames[i]}, globals.router_restarts[i].get());
    page.set("portier_accounting_resyncs_total", {}, globals.accounting_resyncs.get());
}

void add_role(Page& page, const char* role, const RoleRow& row) {
    page.set("process_cpu_seconds_total", {role}, seconds(row.cpu_microseconds.get()));
    page.set("process_resident_memory_bytes", {role}, row.resident_bytes.get());
    page.set("process_virtual_memory_bytes", {role}, row.virtual_bytes.get());
    page.set("process_open_fds", {role}, row.open_fds.get());
    page.set("process_max_fds", {role}, row.max_fds.get());
    page.set("process_start_time_seconds", {role}, static_cast<double>(row.started_ms.get()) / 1e3);
}

class BoardCollector final : public prometheus::Collectable {
public:
    BoardCollector(const Board& board, const Series& series) : board_(board), series_(series) {}

    std::vector<prometheus::MetricFamily> Collect() const override {
        Page page;
        add_globals(page, board_.globals);
        for (const PortSeries& port : series_.ports) add_port(page, port, board_.ports[port.row]);
        auto pools = add_up_processes(board_);
        for (const HandlerSeries& handler : series_.handlers) {
            add_handler(page, handler.name, board_.handlers[handler.row], pools[handler.row]);
            add_delivery(page, handler, board_);
        }
        add_role(page, "keeper", board_.globals.roles[0]);
        add_role(page, "router", board_.globals.roles[1]);
        return page.take();
    }

private:
    const Board& board_;
    const Series& series_;
};

}  // namespace

std::string expose_text(const Board& board, const Series& series) {
    return prometheus::TextSerializer().Serialize(BoardCollector(board, series).Collect());
}

}  // namespace portier::metrics

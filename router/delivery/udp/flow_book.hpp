// Begins and ends the flows of one relayed UDP port: limits, choice of the backend, the flow's own socket where it
// needs one, counters, and what survives the router (delivery/udp/flow_table). The port's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fd.hpp"
#include "delivery/plan.hpp"
#include "delivery/source_counts.hpp"
#include "delivery/udp/flow_backends.hpp"
#include "delivery/udp/flow_memory.hpp"
#include "delivery/udp/flow_table.hpp"
#include "metrics/board.hpp"

namespace portier::delivery {

class FlowBook {
public:
    // `epoll` watches the sockets of flows; their events carry the flow's index. The caller keeps it.
    FlowBook(metrics::PortRow& row, FlowBackends& backends, int epoll);

    // New limits, and flows whose backend is gone end. The first time, and when the memory has grown: takes over what
    // lies in it. Throws std::system_error: the memory cannot be mapped; then things are as before.
    void apply(const PortPlan& plan, const std::string& handler, const std::shared_ptr<Fd>& memory);

    FlowTable& table() { return *table_; }
    FlowBackend& backend(std::uint32_t index) { return *sides_[index].backend; }
    // -1: the flow has none, and goes by the port's loopback socket.
    int socket(std::uint32_t index) const { return sides_[index].socket.get(); }
    bool is_living(std::uint32_t index) const { return index < sides_.size() && sides_[index].backend; }

    // When there is no room, another flow ends for it.
    std::variant<std::uint32_t, metrics::Dropped> begin(const FlowKey& key, std::uint32_t interface,
                                                        std::uint64_t now_ms);
    void end(std::uint32_t index, metrics::FlowClosed reason);
    void end_all(metrics::FlowClosed reason);
    // False: so many have ended that the rest had better wait for the next turn.
    bool end_idle(std::uint64_t now_ms);

private:
    struct Side {                        // what no other router can use
        FlowBackend* backend = nullptr;  // nullptr: no flow
        Fd socket;
    };

    void take_over(const Fd& memory);
    void resume(std::uint32_t index);
    void count_sources();
    std::error_code open_socket(std::uint32_t index);
    void log_end(const Flow& flow, const FlowBackend& backend, metrics::FlowClosed reason) const;

    metrics::PortRow& row_;
    FlowBackends& backends_;
    int epoll_;
    PortPlan plan_;
    std::string handler_;
    std::shared_ptr<Fd> memory_file_;
    std::unique_ptr<FlowMemory> memory_;
    std::unique_ptr<FlowTable> table_;
    std::vector<Side> sides_;
    std::optional<SourceCounts> sources_;  // where the port limits them
};

}  // namespace portier::delivery

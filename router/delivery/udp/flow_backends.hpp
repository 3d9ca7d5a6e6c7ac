// The backends of a handler as its UDP flows see them: who gets the next flow, who refuses datagrams. There is no
// connection that could fail, so a backend that refuses is passed over for a while, and asked again when nobody else is
// left. The thread of the handler's UDP ports only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "delivery/balance.hpp"
#include "delivery/udp/flow_table.hpp"
#include "net/endpoint.hpp"

namespace portier::metrics {
struct BackendRow;
struct Board;
}  // namespace portier::metrics

namespace portier::delivery {

struct BackendPlan;
struct HandlerPlan;

struct FlowBackend {
    net::Endpoint endpoint;
    PackedEndpoint packed;
    std::string name;
    std::uint32_t row_number = 0;
    metrics::BackendRow* row = nullptr;
    unsigned weight = 1;
    bool backup = false;
    std::uint64_t max_flows = 0;             // 0: no limit
    bool by_loopback = false;                // its flows need no socket of their own (net::open_loopback_socket)
    bool gone = false;                       // the plan does not name it any more: its flows have to end
    std::uint64_t flows = 0;                 // now
    std::uint64_t passed_over_until_ms = 0;  // monotonic
    std::int64_t credit = 0;                 // for its turn, by weight
};

class FlowBackends {
public:
    explicit FlowBackends(metrics::Board& board) : board_(board) {}

    // Those that the plan no longer names stay, as `gone`, until forget_gone().
    void update(const HandlerPlan& plan);
    void forget_gone();

    // nullptr: there is none, or each is at its limit.
    FlowBackend* choose(const net::Address& source, std::uint64_t now_ms);
    FlowBackend* find(const PackedEndpoint& endpoint) const;

    void began(FlowBackend& backend);
    void resumed(FlowBackend& backend);  // it was counted as ended, and lives
    void ended(FlowBackend& backend);
    // A datagram to it came back with this error, or could not go; others are no fault of the backend.
    void failed(FlowBackend& backend, const std::error_code& error, std::uint64_t now_ms);
    // It is passed over, and somebody else would take its flow.
    bool is_better_left(const FlowBackend& backend, std::uint64_t now_ms) const;

    // Where sockets of single flows are bound; all zero: the kernel's choice.
    const net::Address& source_address() const { return source_address_; }

private:
    bool answers(const FlowBackend& backend, std::uint64_t now_ms) const;
    void take(const BackendPlan& plan, bool may_use_loopback);
    FlowBackend* choose_among(const net::Address& source);
    FlowBackend* next_by_weight();

    metrics::Board& board_;
    std::vector<std::unique_ptr<FlowBackend>> backends_;
    BalanceRule rule_ = BalanceRule::round_robin;
    std::size_t turn_ = 0;
    std::uint64_t pass_over_ms_ = 0;
    bool has_checks_ = false;
    net::Address source_address_;
    std::vector<FlowBackend*> eligible_;  // kept, so that choosing allocates nothing
    std::vector<Candidate> candidates_;
};

}  // namespace portier::delivery

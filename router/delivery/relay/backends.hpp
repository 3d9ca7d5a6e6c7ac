// The backends of one relay: which of them gets the next connection, which are full, which have failed. Every decision
// falls here, on the desk thread, so the counts are exact.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "delivery/balance.hpp"
#include "metrics/board.hpp"
#include "net/connect.hpp"

namespace portier::delivery {

struct BackendPlan;
struct RelayPlan;

// An address to which a relay connects. Shared by its connections, which may outlive its place in the configuration.
struct Backend {
    Backend(std::uint32_t row_, std::string name_, const net::Destination& destination_)
        : row(row_), name(std::move(name_)), destination(destination_) {}

    // Never changed, so that relay threads may read them.
    const std::uint32_t row;
    const std::string name;
    const net::Destination destination;

    // Desk thread only.
    unsigned weight = 1;
    bool backup = false;
    std::uint64_t max_connections = 0;  // 0: no limit
    std::uint64_t connections = 0;      // that live or are being made
    bool down = false;                  // its active checks say so
    unsigned checks_in_a_row = 0;       // that contradict `down`
    std::uint64_t failed_until_ms = 0;  // passed over until then, then tried with one connection; 0: has not failed
    bool on_trial = false;              // this connection is under way
    std::int64_t credit = 0;            // for its turn, by weight
};

// What an errno of connect(2) says of the backend.
metrics::BackendFailed backend_failure(int error);

class Backends {
public:
    explicit Backends(metrics::Board& board) : board_(board) {}

    // Those that stay keep their connections and their state.
    void update(const RelayPlan& plan, const std::string& balance);

    struct Choice {
        std::shared_ptr<Backend> backend;  // nullptr: nobody
        bool worth_waiting = false;        // nobody, because all that could take it are full
    };
    // `tried`: rows of those that have failed this connection. Those that failed others are chosen only if nobody else
    // is left: better a doubtful backend than none.
    Choice choose(const net::Address& source, std::span<const std::uint32_t> tried, std::uint64_t now_ms);

    // A connection to it begins, has come about, has failed; has ended (after either).
    void begin(Backend& backend, std::uint64_t now_ms);
    void connected(Backend& backend);
    // It says nothing of the backend: there was no descriptor for it, or its source address is wrong.
    void undecided(Backend& backend) { backend.on_trial = false; }
    void failed(Backend& backend, metrics::BackendFailed why, std::uint64_t now_ms);
    void ended(Backend& backend);

    // An active check has passed or not.
    void checked(Backend& backend, bool passed);

    const std::vector<std::shared_ptr<Backend>>& all() const { return backends_; }

private:
    bool is_passed_over(const Backend& backend, std::uint64_t now_ms) const;
    Choice choose_among(const net::Address& source, std::span<const std::shared_ptr<Backend>> group);
    std::size_t next_by_weight(std::span<const std::shared_ptr<Backend>> group);
    void publish_state(const Backend& backend);

    metrics::Board& board_;
    BalanceRule rule_ = BalanceRule::round_robin;
    std::size_t turn_ = 0;
    std::uint64_t fail_timeout_ms_ = 0;
    bool has_checks_ = false;
    unsigned rise_ = 1, fall_ = 1;
    std::vector<std::shared_ptr<Backend>> backends_;
    std::vector<std::shared_ptr<Backend>> left_out_;  // of the plan, and still with connections: they may come back
    std::vector<std::shared_ptr<Backend>> group_;     // of choose(), kept for its memory
    std::vector<Candidate> candidates_;
};

}  // namespace portier::delivery

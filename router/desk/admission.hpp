// Decides whether an accepted connection may stay, and whether the port may accept at all just now. Each limit is
// temporary and each refusal has a reason. Desk thread only; bounded memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "metrics/board.hpp"
#include "net/endpoint.hpp"
#include "net/network.hpp"

namespace portier::delivery {
struct AdmissionPlan;
struct RatePlan;
}  // namespace portier::delivery

namespace portier::desk {

// A bucket that holds `count` tokens and is filled evenly within `period`.
class TokenBucket {
public:
    TokenBucket() = default;
    explicit TokenBucket(const delivery::RatePlan& plan);

    // Other limits; the tokens that are there stay.
    void change(const delivery::RatePlan& plan);

    bool unlimited() const { return capacity_ == 0; }
    bool full(std::uint64_t now_us) const { return tokens_at(now_us) >= capacity_; }
    bool take(std::uint64_t now_us);
    // Microseconds until a token is there; 0: there is one.
    std::uint64_t wait_us(std::uint64_t now_us) const;

private:
    double tokens_at(std::uint64_t now_us) const;

    double capacity_ = 0;
    double per_us_ = 0;
    double tokens_ = 0;
    std::uint64_t filled_us_ = 0;
};

class Admission {
public:
    explicit Admission(const delivery::AdmissionPlan& plan);

    // New limits; what was counted so far stays counted.
    void update(const delivery::AdmissionPlan& plan);

    // With `over_limit: wait`: microseconds for which the port should not accept. nullopt: accept now. The largest
    // value means until a connection has ended.
    std::optional<std::uint64_t> pause_us(std::uint64_t active, std::uint64_t now_us) const;
    static constexpr std::uint64_t kUntilOneEnds = ~std::uint64_t{0};

    // nullopt: admitted (and counted for its source).
    std::optional<metrics::Rejected> refuse(const net::Address& source, std::uint64_t active, std::uint64_t now_us);

    // A connection from this source has ended.
    void ended(const net::Address& source);

    // By source_key(): connections that are here besides those that were admitted, or all there are.
    void found(const std::map<net::Address, std::uint64_t>& more);
    void recount(const std::map<net::Address, std::uint64_t>& living);

    bool counts_sources() const { return max_per_source_ > 0; }
    bool waits() const { return waits_; }
    bool resets() const { return resets_; }

private:
    struct Source {
        std::uint64_t connections = 0;
        TokenBucket bucket;
    };

    bool denied(const net::Address& source) const;
    std::optional<metrics::Rejected> refuse_source(const net::Address& source, std::uint64_t now_us);
    void forget_idle_sources(std::uint64_t now_us);

    std::uint64_t max_ = 0;
    std::uint64_t max_per_source_ = 0;
    bool waits_ = true;
    bool resets_ = false;
    TokenBucket rate_;
    TokenBucket rate_per_source_;  // what a new source starts with
    std::vector<net::Network> allow_;
    std::vector<net::Network> deny_;
    std::map<net::Address, Source> sources_;
};

using net::source_key;

}  // namespace portier::desk

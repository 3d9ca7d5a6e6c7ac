#include "desk/admission.hpp"

#include <algorithm>
#include <cmath>

#include "delivery/plan.hpp"

namespace portier::desk {

namespace {

// Beyond this many sources the oldest idle ones are forgotten; a flood of addresses cannot take more memory than this.
constexpr std::size_t kMaxSources = 100'000;

}  // namespace

TokenBucket::TokenBucket(const delivery::RatePlan& plan) {
    change(plan);
    tokens_ = capacity_;
}

void TokenBucket::change(const delivery::RatePlan& plan) {
    const bool fresh = unlimited();
    capacity_ = static_cast<double>(plan.count);
    per_us_ = plan.count ? capacity_ / (static_cast<double>(plan.period_ms) * 1000) : 0;
    tokens_ = fresh ? capacity_ : std::min(tokens_, capacity_);
}

double TokenBucket::tokens_at(std::uint64_t now_us) const {
    const double elapsed = filled_us_ && now_us > filled_us_ ? static_cast<double>(now_us - filled_us_) : 0;
    return std::min(capacity_, tokens_ + elapsed * per_us_);
}

bool TokenBucket::take(std::uint64_t now_us) {
    if (unlimited()) return true;
    tokens_ = tokens_at(now_us);
    filled_us_ = now_us;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

std::uint64_t TokenBucket::wait_us(std::uint64_t now_us) const {
    if (unlimited()) return 0;
    const double missing = 1 - tokens_at(now_us);
    return missing <= 0 ? 0 : static_cast<std::uint64_t>(std::ceil(missing / per_us_));
}

Admission::Admission(const delivery::AdmissionPlan& plan)
    : rate_(plan.accept_rate), rate_per_source_(plan.accept_rate_per_source) {
    update(plan);
}

void Admission::update(const delivery::AdmissionPlan& plan) {
    max_ = plan.max_connections;
    max_per_source_ = plan.max_connections_per_source;
    waits_ = plan.over_limit == "wait";
    resets_ = plan.over_limit == "reset";
    // A plan comes with every process that starts, so what was used up stays used up.
    rate_.change(plan.accept_rate);
    rate_per_source_ = TokenBucket(plan.accept_rate_per_source);
    for (auto& [address, source] : sources_) {
        source.bucket.change(plan.accept_rate_per_source);
        if (!counts_sources()) source.connections = 0;  // nobody tells of their ends any more
    }
    allow_ = delivery::networks_of(plan.allow);
    deny_ = delivery::networks_of(plan.deny);
}

bool Admission::denied(const net::Address& source) const {
    if (net::contains(deny_, source)) return true;
    return !allow_.empty() && !net::contains(allow_, source);
}

std::optional<std::uint64_t> Admission::pause_us(std::uint64_t active, std::uint64_t now_us) const {
    if (!waits_) return std::nullopt;
    if (max_ && active >= max_) return kUntilOneEnds;
    const std::uint64_t wait = rate_.wait_us(now_us);
    return wait ? std::optional(wait) : std::nullopt;
}

std::optional<metrics::Rejected> Admission::refuse(const net::Address& source, std::uint64_t active,
                                                   std::uint64_t now_us) {
    if (denied(source)) return metrics::Rejected::denied;
    if (max_ && active >= max_) return metrics::Rejected::limit;
    const bool sources_matter = max_per_source_ || !rate_per_source_.unlimited();
    if (!sources_matter) return rate_.take(now_us) ? std::nullopt : std::optional(metrics::Rejected::rate);
    return refuse_source(source_key(source), now_us);
}

// A source over its own limit is always refused, never made to wait: others stand behind it in the same queue.
std::optional<metrics::Rejected> Admission::refuse_source(const net::Address& key, std::uint64_t now_us) {
    if (sources_.size() >= kMaxSources) forget_idle_sources(now_us);
    Source& source = sources_.try_emplace(key, Source{0, rate_per_source_}).first->second;
    if (max_per_source_ && source.connections >= max_per_source_) return metrics::Rejected::source_limit;
    if (!rate_.take(now_us)) return metrics::Rejected::rate;
    if (!source.bucket.take(now_us)) return metrics::Rejected::source_rate;
    if (max_per_source_) ++source.connections;
    return std::nullopt;
}

void Admission::ended(const net::Address& address) {
    const auto found = sources_.find(source_key(address));
    if (found == sources_.end()) return;
    if (found->second.connections > 0) --found->second.connections;
    if (found->second.connections == 0 && rate_per_source_.unlimited()) sources_.erase(found);
}

void Admission::found(const std::map<net::Address, std::uint64_t>& more) {
    if (!counts_sources()) return;
    for (const auto& [key, connections] : more)
        sources_.try_emplace(key, Source{0, rate_per_source_}).first->second.connections += connections;
}

void Admission::recount(const std::map<net::Address, std::uint64_t>& living) {
    for (auto& [key, source] : sources_) source.connections = 0;
    found(living);
    if (rate_per_source_.unlimited())
        std::erase_if(sources_, [](const auto& item) { return item.second.connections == 0; });
}

void Admission::forget_idle_sources(std::uint64_t now_us) {
    std::erase_if(sources_,
                  [&](const auto& item) { return item.second.connections == 0 && item.second.bucket.full(now_us); });
    // Most of them busy: start afresh rather than grow, or look through all for each new one; the limits are then too
    // generous for a moment.
    if (sources_.size() > kMaxSources / 10 * 9) sources_.clear();
}

}  // namespace portier::desk

#include "delivery/relay/backends.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "delivery/plan.hpp"

namespace portier::delivery {

namespace {

net::Destination destination_of(const BackendPlan& plan) {
    if (plan.address.empty()) return net::destination(plan.path);
    return net::destination(net::Endpoint{net::parse_address(plan.address).value(), plan.port});
}

bool has_room(const Backend& backend) {
    return backend.max_connections == 0 || backend.connections < backend.max_connections;
}

}  // namespace

metrics::BackendFailed backend_failure(int error) {
    switch (error) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ENOENT: return metrics::BackendFailed::refused;
        case ETIMEDOUT: return metrics::BackendFailed::timeout;
        default: return metrics::BackendFailed::unreachable;
    }
}

void Backends::update(const RelayPlan& plan, const std::string& balance) {
    rule_ = balance_rule(balance);
    fail_timeout_ms_ = plan.fail_timeout_ms;
    has_checks_ = plan.health.interval_ms > 0;
    rise_ = std::max(1u, plan.health.rise);
    fall_ = std::max(1u, plan.health.fall);
    std::vector<std::shared_ptr<Backend>> known = std::exchange(left_out_, {}), next;
    known.insert(known.end(), backends_.begin(), backends_.end());
    for (const BackendPlan& wanted : plan.backends) {
        const auto same = [&](const auto& backend) { return backend->row == wanted.row; };
        const auto present = std::find_if(known.begin(), known.end(), same);
        auto backend = present != known.end()
                           ? *present
                           : std::make_shared<Backend>(wanted.row, wanted.name, destination_of(wanted));
        if (present != known.end()) known.erase(present);
        backend->weight = std::max(1u, wanted.weight);
        backend->backup = wanted.backup;
        backend->max_connections = wanted.max_connections;
        if (!has_checks_) backend->down = false;
        publish_state(*backend);
        next.push_back(std::move(backend));
    }
    backends_ = std::move(next);
    std::erase_if(known, [](const auto& backend) { return backend->connections == 0; });
    left_out_ = std::move(known);
}

Backends::Choice Backends::choose(const net::Address& source, std::span<const std::uint32_t> tried,
                                  std::uint64_t now_ms) {
    enum Pass { first_choice, backups, failed_ones };
    for (const Pass pass : {first_choice, backups, failed_ones}) {
        group_.clear();
        for (const auto& backend : backends_) {
            if (backend->down || std::find(tried.begin(), tried.end(), backend->row) != tried.end()) continue;
            const bool passed_over = is_passed_over(*backend, now_ms);
            const bool wanted =
                pass == failed_ones ? passed_over : !passed_over && backend->backup == (pass == backups);
            if (wanted) group_.push_back(backend);
        }
        if (!group_.empty()) return choose_among(source, group_);
    }
    return {};
}

bool Backends::is_passed_over(const Backend& backend, std::uint64_t now_ms) const {
    return !has_checks_ && backend.failed_until_ms > 0 && (now_ms < backend.failed_until_ms || backend.on_trial);
}

Backends::Choice Backends::choose_among(const net::Address& source, std::span<const std::shared_ptr<Backend>> group) {
    std::size_t index = kNobody;
    if (rule_ == BalanceRule::round_robin) {
        index = next_by_weight(group);
    } else {
        candidates_.clear();
        for (const auto& backend : group)
            candidates_.push_back({backend->row, backend->connections, has_room(*backend), backend->weight});
        index = delivery::choose(rule_, candidates_, source, turn_);
    }
    if (index == kNobody) return {nullptr, true};
    return {group[index], false};
}

// Smooth weighted round-robin: everybody earns its weight each time, the richest is chosen and pays what all have
// earned. So 5, 1, 1 gives a a b a c a a and not five times the same.
std::size_t Backends::next_by_weight(std::span<const std::shared_ptr<Backend>> group) {
    std::size_t best = kNobody;
    std::int64_t total = 0;
    for (std::size_t index = 0; index < group.size(); ++index) {
        if (!has_room(*group[index])) continue;
        group[index]->credit += group[index]->weight;
        total += group[index]->weight;
        if (best == kNobody || group[index]->credit > group[best]->credit) best = index;
    }
    if (best != kNobody) group[best]->credit -= total;
    return best;
}

void Backends::begin(Backend& backend, std::uint64_t now_ms) {
    ++backend.connections;
    board_.backends[backend.row].opened.add();
    if (!has_checks_ && backend.failed_until_ms > 0 && now_ms >= backend.failed_until_ms) backend.on_trial = true;
}

void Backends::connected(Backend& backend) {
    if (backend.failed_until_ms > 0) log_info("a backend answers again", {{"backend", backend.name}});
    backend.failed_until_ms = 0;
    backend.on_trial = false;
    publish_state(backend);
}

void Backends::failed(Backend& backend, metrics::BackendFailed why, std::uint64_t now_ms) {
    board_.backends[backend.row].failures[static_cast<std::size_t>(why)].add();
    if (has_checks_) return checked(backend, false);
    if (backend.failed_until_ms == 0)
        log_warning("a backend does not answer",
                    {{"backend", backend.name}, {"reason", metrics::kBackendFailedNames[static_cast<int>(why)]}});
    backend.failed_until_ms = now_ms + fail_timeout_ms_;
    backend.on_trial = false;
    publish_state(backend);
}

void Backends::ended(Backend& backend) {
    --backend.connections;
    board_.backends[backend.row].ended.add();
}

void Backends::checked(Backend& backend, bool passed) {
    if (passed != backend.down) {
        backend.checks_in_a_row = 0;
        return;
    }
    if (++backend.checks_in_a_row < (passed ? rise_ : fall_)) return;
    backend.checks_in_a_row = 0;
    backend.down = !passed;
    log(passed ? LogSeverity::info : LogSeverity::warning, passed ? "a backend is up" : "a backend is down",
        {{"backend", backend.name}});
    publish_state(backend);
}

void Backends::publish_state(const Backend& backend) {
    board_.backends[backend.row].up.set(!backend.down && backend.failed_until_ms == 0);
}

}  // namespace portier::delivery

#include <fmt/format.h>

#include <array>
#include <map>
#include <tuple>

#include "config/checks.hpp"

namespace portier::config {

namespace {

struct Claim {
    std::uint16_t first;
    std::uint16_t last;
    std::string name;
    std::string path;
    Place at;
};

// Which addresses a claim covers: none for every one, 0.0.0.0 and [::] for those of their family.
using Where = std::pair<Protocol, std::optional<net::Address>>;

bool is_wildcard(const std::optional<net::Address>& address) {
    return !address || address->bytes == decltype(address->bytes){};
}

bool written_before(const Claim& a, const Claim& b) {
    return std::tie(a.at.source, a.at.line, a.at.column) < std::tie(b.at.source, b.at.line, b.at.column);
}

class Claims {
public:
    explicit Claims(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    // Claims of one address are kept apart from each other, so one look finds an overlap.
    void add(const Where& where, const Claim& claim) {
        auto& claims = by_address_[where];
        if (const Claim* other = find(claims, claim)) return report(claim, *other);
        claims.emplace(claim.first, claim);
    }

    void check_wildcards() {
        for (const auto& [where, claims] : by_address_) {
            if (!where.second) continue;
            for (const auto& [first, claim] : claims) {
                against({where.first, std::nullopt}, claim);
                if (!is_wildcard(where.second))
                    against({where.first, net::Address{.family = where.second->family, .bytes = {}}}, claim);
            }
        }
    }

private:
    using ByPort = std::map<std::uint16_t, Claim>;

    static const Claim* find(const ByPort& claims, const Claim& claim) {
        auto after = claims.upper_bound(claim.last);
        if (after == claims.begin()) return nullptr;
        --after;
        return after->second.last >= claim.first ? &after->second : nullptr;
    }

    void against(const Where& wildcard, const Claim& claim) {
        const auto claims = by_address_.find(wildcard);
        if (claims == by_address_.end()) return;
        if (const Claim* other = find(claims->second, claim)) report(claim, *other);
    }

    void report(const Claim& a, const Claim& b) {
        const Claim& later = written_before(a, b) ? b : a;
        const Claim& earlier = written_before(a, b) ? a : b;
        const std::string which = later.first == earlier.first && later.last == earlier.last
                                      ? "is the same port as"
                                      : fmt::format("overlaps in port {} with", std::max(later.first, earlier.first));
        diagnostics_.add({.at = later.at,
                          .key_path = later.path,
                          .message = fmt::format("{} {} {}", later.name, which, earlier.name),
                          .other = earlier.at});
    }

    Diagnostics& diagnostics_;
    std::map<Where, ByPort> by_address_;
};

}  // namespace

void check_overlaps(const Drafts& drafts, const Place* listen, const Scene& scene) {
    Claims claims(scene.diagnostics);
    for (const PortDraft& draft : drafts.ports) {
        const Port& port = draft.object;
        claims.add({port.protocol, port.address}, {port.first, port.last, port.key, draft.path, draft.key});
    }
    if (listen != nullptr) {
        const net::Endpoint& endpoint = *scene.config.admin.listen;
        claims.add({Protocol::tcp, endpoint.address},
                   {endpoint.port, endpoint.port, net::to_string(endpoint), "admin.listen", *listen});
    }
    claims.check_wildcards();
}

}  // namespace portier::config

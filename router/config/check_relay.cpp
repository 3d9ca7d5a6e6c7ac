#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "config/checks.hpp"
#include "config/units.hpp"

namespace portier::config {

namespace {

std::string text(Milliseconds time) {
    return format_duration(static_cast<std::uint64_t>(time.count()));
}

class RelayCheck {
public:
    RelayCheck(HandlerDraft& draft, const Scene& scene)
        : draft_(draft), handler_(draft.object), scene_(scene), connect_(place_of("connect")) {}

    void run() {
        check_health();
        if (!connect_) return report("connect", "no address is given", "as in connect: [\"127.0.0.1:6379\"]");
        if (!connect_->good) return;
        if (handler_.connect.empty()) return report("connect", "is empty", "as in [\"127.0.0.1:6379\"]");
        for (std::size_t i = 0; i < handler_.connect.size(); ++i) check_path(handler_.connect[i], connect_->items[i]);
        check_duplicates();
        check_somebody_serves();
        check_processes();
        check_queue();
        check_source();
        check_transparent();
    }

private:
    std::optional<Written> place_of(const char* key) const { return written(handler_table(), draft_, key); }

    void report(const char* key, std::string message, std::string hint = {}) {
        const auto place = place_of(key);
        add({.at = place ? place->value : draft_.key,
             .key_path = draft_.path + '.' + key,
             .message = std::move(message),
             .hint = std::move(hint)});
    }

    void add(Problem problem) { scene_.diagnostics.add(std::move(problem)); }

    void check_path(Backend& backend, const Place& at) {
        if (backend.path.empty()) return;
        backend.path = (std::filesystem::path(scene_.config.folder) / backend.path).lexically_normal().string();
        backend.text = "unix:" + backend.path;
        const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
        if (backend.path.size() > longest)
            add({.at = at,
                 .key_path = draft_.path + ".connect",
                 .message = fmt::format("the path {} has {} bytes", shortened(backend.path), backend.path.size()),
                 .hint = fmt::format("that of a Unix socket has at most {}", longest)});
    }

    void check_duplicates() {
        std::map<std::string, Place> places;
        for (std::size_t i = 0; i < handler_.connect.size(); ++i) {
            const Backend& backend = handler_.connect[i];
            const std::string what =
                backend.host.empty() ? backend.text : fmt::format("{}:{}", backend.host, backend.port);
            const auto [first, fresh] = places.emplace(what, connect_->items[i]);
            if (!fresh)
                add({.at = connect_->items[i],
                     .key_path = draft_.path + ".connect",
                     .message = fmt::format("{} stands here twice", backend.text),
                     .hint = "for a larger share give it a weight",
                     .other = first->second});
        }
    }

    void check_somebody_serves() {
        const auto all = [&](auto is) { return std::all_of(handler_.connect.begin(), handler_.connect.end(), is); };
        if (all([](const Backend& backend) { return backend.backup; }))
            report("connect", "every address is a backup, so there is nothing that they would replace",
                   "one of them has to be the first choice");
        if (all([](const Backend& backend) { return backend.weight == 0; }))
            report("connect", "every address has weight 0, so nobody would be connected", "give one of them a weight");
    }

    void check_processes() {
        const std::size_t addresses = handler_.connect.size();
        if (handler_.command.empty() || addresses == 1 || addresses == handler_.processes) return;
        report("connect", fmt::format("{} addresses for {} processes", addresses, handler_.processes),
               "with a command there is one address for all of its processes, or one for each");
    }

    void check_health() {
        Health& health = handler_.health;
        for (const char* key : {"health.timeout", "health.rise", "health.fall"})
            if (const auto place = place_of(key); place && place->own && !place_of("health.interval"))
                return report(key, "without an interval nothing is checked", "as in health: {interval: 2s}");
        if (health.interval.count() == 0 || health.timeout <= health.interval) return;
        if (!place_of("health.timeout")) {
            health.timeout = health.interval;
            return;
        }
        report(
            "health.timeout",
            fmt::format("a check may take {}, but there is one every {}", text(health.timeout), text(health.interval)),
            "timeout may be as long as interval");
    }

    // Without a limit nobody waits; but for processes that have yet to start.
    void check_queue() {
        const bool limited = std::any_of(handler_.connect.begin(), handler_.connect.end(),
                                         [](const Backend& backend) { return backend.max_connections > 0; });
        if (limited || !handler_.command.empty() || handler_.queue.max == 0) return;
        for (const char* key : {"queue.max", "queue.timeout"})
            if (const auto place = place_of(key); place && place->own && place->good)
                return add({.severity = Severity::warning,
                            .at = place->value,
                            .key_path = draft_.path + '.' + key,
                            .message = "no address of connect has max_connections, so nobody has to wait",
                            .hint = "as in {address: \"127.0.0.1:6379\", max_connections: 100}"});
    }

    void check_source() {
        if (!handler_.source_address) return;
        if (handler_.transparent)
            report("source_address", "with transparent the client's address is the source", "leave one of them out");
        const unsigned family = handler_.source_address->family;
        for (std::size_t i = 0; i < handler_.connect.size(); ++i) {
            const Backend& backend = handler_.connect[i];
            const auto address = net::parse_address(backend.host);
            if (backend.path.empty() && (!address || address->family == family)) continue;
            const std::string why = address ? fmt::format("{} is IPv{}, and {} IPv{}", backend.text, address->family,
                                                          net::to_string(*handler_.source_address), family)
                                            : fmt::format("{} has no address to connect from", backend.text);
            add({.at = connect_->items[i],
                 .key_path = draft_.path + ".connect",
                 .message = why,
                 .hint = "source_address does not fit it"});
        }
    }

    void check_transparent() {
        if (!handler_.transparent) return;
        if (!scene_.host.can_be_transparent)
            report("transparent", "it needs CAP_NET_ADMIN, which portier does not have",
                   "without it the program can learn the client's address from proxy_protocol");
        for (std::size_t i = 0; i < handler_.connect.size(); ++i)
            if (!handler_.connect[i].path.empty())
                add({.at = connect_->items[i],
                     .key_path = draft_.path + ".connect",
                     .message = "over a Unix socket there is no address of the client to connect from",
                     .hint = "transparent is for TCP addresses"});
    }

    HandlerDraft& draft_;
    Handler& handler_;
    const Scene& scene_;
    const std::optional<Written> connect_;
};

}  // namespace

void check_relay(HandlerDraft& draft, const Scene& scene) {
    if (has_delivery(draft) && draft.object.delivery == Delivery::relay) RelayCheck(draft, scene).run();
}

}  // namespace portier::config

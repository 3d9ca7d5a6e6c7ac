// What ports and processes need of things that are limited: open descriptors, rows of the board, room in an
// environment.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "config/checks.hpp"
#include "metrics/board.hpp"

namespace portier::config {

namespace {

// Of each process in the keeper: pidfd, notify socket, output pipe and the near end of its channel.
constexpr std::uint64_t kKeptPerProcess = 4;
constexpr std::uint64_t kKeptPerSpawned = 1;    // pidfd
constexpr std::uint64_t kKeptPerFlowStore = 2;  // of a relayed udp port: its memory, and a socket to local addresses
constexpr std::uint64_t kPerRelayed = 2;        // in the router: the client's socket and that to the address
constexpr std::uint64_t kReserve = 64;          // for the keeper's own business and accepted connections in the router
constexpr std::uint64_t kOwnOfProcess = 8;      // what a program needs beside the sockets that it is given
constexpr std::uint64_t kLongestText = 131071;  // MAX_ARG_STRLEN of execve(2), without its NUL

class CapacityCheck {
public:
    CapacityCheck(const Drafts& drafts, const Scene& scene) : drafts_(drafts), scene_(scene) {
        for (const HandlerDraft& draft : drafts.handlers) handlers_[draft.object.name] = &draft;
        for (const PortDraft& draft : drafts.ports) {
            Given& given = given_[draft.object.handler];
            given.sockets += numbers(draft.object);
            given.name_bytes += numbers(draft.object) * (draft.object.key.size() + 1);
        }
    }

    void run() {
        check_rows(drafts_.ports, metrics::kMaxPortRows, "entries in ports");
        check_rows(drafts_.handlers, metrics::kMaxHandlerRows, "handlers");
        check_process_rows();
        check_backend_rows();
        check_descriptors();
        check_relayed();
        for (const HandlerDraft& draft : drafts_.handlers) check_inherited(draft);
    }

private:
    // To each process of an `inherit` handler, at its start.
    struct Given {
        std::uint64_t sockets = 0;
        std::uint64_t name_bytes = 0;  // of LISTEN_FDNAMES
    };

    static std::uint64_t numbers(const Port& port) { return port.last - port.first + 1U; }

    const Handler* handler_of(const Port& port) const {
        const auto found = handlers_.find(port.handler);
        return found == handlers_.end() ? nullptr : &found->second->object;
    }

    // An inherited udp port has one socket for each process, so that each has its own queue; a relayed one has memory
    // for its flows and a socket to local addresses beside its own.
    std::uint64_t sockets(const Port& port) const {
        const Handler* handler = handler_of(port);
        if (handler == nullptr || port.protocol == Protocol::tcp) return numbers(port);
        if (handler->delivery == Delivery::inherit) return numbers(port) * handler->processes;
        return numbers(port) + (handler->delivery == Delivery::relay ? kKeptPerFlowStore : 0);
    }

    void report(const Place& at, std::string path, std::string message, std::string hint = {}) {
        scene_.diagnostics.add(
            {.at = at, .key_path = std::move(path), .message = std::move(message), .hint = std::move(hint)});
    }

    template <typename Object>
    void check_rows(const std::vector<Draft<Object>>& drafts, std::size_t most, const char* what) {
        if (drafts.size() <= most) return;
        report(drafts[most].key, drafts[most].path, fmt::format("{} {}; the most are {}", drafts.size(), what, most),
               "counters of each have a fixed place; a range of ports counts as one entry");
    }

    void check_process_rows() {
        constexpr std::uint64_t kMost = metrics::kMaxProcessRows - 1;  // row 0 is nobody
        std::uint64_t sum = 0;
        for (const HandlerDraft& draft : drafts_.handlers) {
            sum += draft.object.processes;
            if (sum <= kMost) continue;
            return report(draft.key, draft.path,
                          fmt::format("with this handler there are {} processes; the most are {}", sum, kMost));
        }
    }

    void check_backend_rows() {
        std::uint64_t sum = 0;
        for (const HandlerDraft& draft : drafts_.handlers) {
            sum += draft.object.connect.size();
            if (sum <= metrics::kMaxBackendRows) continue;
            return report(draft.key, draft.path,
                          fmt::format("with this handler there are {} addresses to connect to; the most are {}", sum,
                                      metrics::kMaxBackendRows));
        }
    }

    void check_descriptors() {
        std::uint64_t of_ports = scene_.config.admin.listen ? 1 : 0;
        std::uint64_t processes = 0;
        const PortDraft* largest = nullptr;
        for (const PortDraft& draft : drafts_.ports) {
            of_ports += sockets(draft.object);
            if (largest == nullptr || sockets(draft.object) > sockets(largest->object)) largest = &draft;
        }
        std::uint64_t spawned = 0;
        std::uint64_t given = 0;  // a starting process has them twice for a moment (proc/spawn)
        for (const HandlerDraft& draft : drafts_.handlers) {
            processes += draft.object.processes;
            if (draft.object.delivery == Delivery::spawn && router_accepts(draft.object))
                spawned += draft.object.max_processes * kKeptPerSpawned;
            if (is_inherit(draft)) given = std::max(given, given_[draft.object.name].sockets);
        }
        const std::uint64_t needed = of_ports + processes * kKeptPerProcess + spawned + given + kReserve;
        const std::uint64_t hard = scene_.host.hard_limit(RLIMIT_NOFILE);
        if (largest == nullptr || hard == RLIM_INFINITY || needed <= hard) return;
        report(largest->key, largest->path,
               fmt::format("portier needs {} descriptors, but its hard limit of open files is {}: "
                           "{} sockets of ports + {} processes x {} + {}{} to start a process + {} in reserve",
                           needed, hard, of_ports, processes, kKeptPerProcess,
                           spawned == 0 ? "" : fmt::format("{} for max_processes + ", spawned), given, kReserve),
               "raise that (ulimit -H, LimitNOFILE= and the like); a udp port of delivery inherit has a socket for "
               "each process");
    }

    // In the router, which has the same limit.
    void check_relayed() {
        std::uint64_t connections = 0;
        const PortDraft* largest = nullptr;
        for (const PortDraft& draft : drafts_.ports) {
            const Handler* handler = handler_of(draft.object);
            if (handler == nullptr || handler->delivery != Delivery::relay) continue;
            connections += draft.object.max_connections;
            if (largest == nullptr || draft.object.max_connections > largest->object.max_connections) largest = &draft;
        }
        const std::uint64_t hard = scene_.host.hard_limit(RLIMIT_NOFILE);
        if (largest == nullptr || hard == RLIM_INFINITY || connections * kPerRelayed + kReserve <= hard) return;
        const auto place = written(port_table(), *largest, "max_connections");
        scene_.diagnostics.add(
            {.severity = Severity::warning,
             .at = place ? place->value : largest->key,
             .key_path = largest->path + ".max_connections",
             .message = fmt::format("{} relayed connections x {} + {} in reserve are more descriptors than the hard "
                                    "limit of open files, {}",
                                    connections, kPerRelayed, kReserve, hard),
             .hint = "lower max_connections, or raise the limit (ulimit -H, LimitNOFILE= and the like)"});
    }

    static bool is_inherit(const HandlerDraft& draft) {
        return has_delivery(draft) && draft.object.delivery == Delivery::inherit;
    }

    void check_inherited(const HandlerDraft& draft) {
        if (!is_inherit(draft)) return;
        const auto [given, names] = given_[draft.object.name];
        const auto& limit = draft.object.limits.open_files;
        if (const auto place = written(handler_table(), draft, "limits.open_files"); place && limit)
            if (*limit < given + kOwnOfProcess)
                report(place->value, draft.path + ".limits.open_files",
                       fmt::format("{} open files, but a process is given {} sockets and needs {} more", *limit, given,
                                   kOwnOfProcess),
                       fmt::format("expected at least {}", given + kOwnOfProcess));
        if (names + std::string_view("LISTEN_FDNAMES=").size() > kLongestText)
            report(draft.key, draft.path,
                   fmt::format("the names of its {} sockets have {} bytes; one variable (LISTEN_FDNAMES) holds {}",
                               given, names, kLongestText),
                   "divide the ports among several handlers");
    }

    const Drafts& drafts_;
    const Scene& scene_;
    std::map<std::string_view, const HandlerDraft*> handlers_;
    std::map<std::string_view, Given> given_;  // by handler
};

}  // namespace

void check_capacity(const Drafts& drafts, const Scene& scene) {
    CapacityCheck(drafts, scene).run();
}

}  // namespace portier::config

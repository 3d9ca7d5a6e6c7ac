// A relay that connects to a port of ours whose handler relays, in the end, to itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/checks.hpp"

namespace portier::config {

namespace {

class LoopCheck {
public:
    LoopCheck(const Drafts& drafts, const Scene& scene) : drafts_(drafts), scene_(scene) {
        for (const PortDraft& port : drafts.ports) protocols_[port.object.handler].insert(port.object.protocol);
        for (const HandlerDraft& handler : drafts.handlers)
            for (const Backend& backend : handler.object.connect)
                if (const PortDraft* port = port_of(backend, handler.object.name))
                    leads_to_[handler.object.name].insert(port->object.handler);
    }

    void run() {
        for (const HandlerDraft& draft : drafts_.handlers) {
            const auto connect = written(handler_table(), draft, "connect");
            const auto& backends = draft.object.connect;
            if (!connect || !connect->own || connect->items.size() != backends.size()) continue;
            for (std::size_t i = 0; i < backends.size(); ++i) check(draft, backends[i], connect->items[i]);
        }
    }

private:
    void check(const HandlerDraft& draft, const Backend& backend, const Place& at) {
        const PortDraft* port = port_of(backend, draft.object.name);
        if (port == nullptr || !reaches(port->object.handler, draft.object.name)) return;
        scene_.diagnostics.add({.at = at,
                                .key_path = draft.path + ".connect",
                                .message = fmt::format("{} is our own port {}, which leads back to {}", backend.text,
                                                       port->object.key, in_quotes(draft.object.name)),
                                .hint = "a connection would go round until there is no descriptor left",
                                .other = port->key});
    }

    // The port of ours that `handler` would connect to, if it is one.
    const PortDraft* port_of(const Backend& backend, const std::string& handler) const {
        const auto address = net::parse_address(backend.host == "localhost" ? "127.0.0.1" : backend.host);
        if (!address) return nullptr;
        const auto protocols = protocols_.find(handler);
        for (const PortDraft& draft : drafts_.ports) {
            const Port& port = draft.object;
            const bool numbers = backend.port >= port.first && backend.port <= port.last;
            const bool same = protocols != protocols_.end() && protocols->second.contains(port.protocol);
            if (numbers && same && listens_on(port, *address)) return &draft;
        }
        return nullptr;
    }

    // Which addresses are the machine's own is not known here, but for the loopback.
    static bool listens_on(const Port& port, const net::Address& address) {
        const bool wildcard = !port.address || port.address->bytes == decltype(port.address->bytes){};
        if (!wildcard) return *port.address == address;
        return is_loopback(address) && (!port.address || port.address->family == address.family);
    }

    bool reaches(const std::string& from, const std::string& to) const {
        std::set<std::string> seen;
        std::vector<std::string> next = {from};
        while (!next.empty()) {
            const std::string name = next.back();
            next.pop_back();
            if (name == to) return true;
            const auto further = leads_to_.find(name);
            if (further == leads_to_.end() || !seen.insert(name).second) continue;
            next.insert(next.end(), further->second.begin(), further->second.end());
        }
        return false;
    }

    const Drafts& drafts_;
    const Scene& scene_;
    std::map<std::string, std::set<Protocol>> protocols_;    // of each handler's ports
    std::map<std::string, std::set<std::string>> leads_to_;  // handlers, by the one that connects to their ports
};

}  // namespace

void check_loops(const Drafts& drafts, const Scene& scene) {
    LoopCheck(drafts, scene).run();
}

}  // namespace portier::config

// What a handler can do for the protocols of its ports.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "config/checks.hpp"

namespace portier::config {

namespace {

// The ports of a handler.
struct Served {
    std::vector<Protocol> protocols;  // each once
    const PortDraft* udp_port = nullptr;
};

class ProtocolCheck {
public:
    ProtocolCheck(HandlerDraft& draft, const Served& served, const Scene& scene)
        : draft_(draft),
          handler_(draft.object),
          scene_(scene),
          protocols_(served.protocols),
          udp_port_(served.udp_port) {}

    void run() {
        const Table<Handler>& table = handler_table();
        for (std::size_t i = 0; i < table.fields.size(); ++i)
            if (draft_.written[i] && applies(table.fields[i], handler_)) check_field(i);
        if (udp_port_ != nullptr) check_udp();
    }

private:
    // A key that only connections or only datagrams could need.
    void check_field(std::size_t index) {
        const Table<Handler>& table = handler_table();
        const Field& field = table.fields[index];
        const Field* section = section_of(table.fields, field);
        if (applies(section == nullptr ? field : *section, handler_, protocols_)) return;
        const Written& place = *draft_.written[index];
        if (!place.own) {
            if (table.has_member(index)) table.reset(index, handler_);
        } else if (section == nullptr) {
            const bool udp = udp_port_ != nullptr;
            report(place.key, field.key,
                   udp ? "it is for connections, and the handler has udp ports only"
                       : "it is for datagrams, and the handler has no udp port",
                   "leave it out");
        }
    }

    void check_udp() {
        const std::string port = udp_port_->object.key;
        if (handler_.dialect != Dialect::portier)
            report_own("dialect",
                       fmt::format("dialect {} has no flows, and {} is a port of this handler",
                                   to_string(handler_.dialect), port),
                       "dialect portier serves udp");
        if (handler_.proxy_protocol == ProxyVersion::v1)
            report_own("proxy_protocol", fmt::format("v1 has no UDP, and {} is a port of this handler", port),
                       "v2 has");
        if (handler_.transparent)
            report_own("transparent", fmt::format("it is for connections, and {} is a port of this handler", port),
                       "proxy_protocol: v2 tells a program who sends");
        const auto connect = written(handler_table(), draft_, "connect");
        if (!connect || connect->items.size() != handler_.connect.size()) return;
        for (std::size_t i = 0; i < handler_.connect.size(); ++i)
            if (!handler_.connect[i].path.empty())
                report(connect->items[i], "connect", fmt::format("datagrams of {} cannot go to a Unix socket", port),
                       "give it address:port");
    }

    void report_own(const char* key, std::string message, std::string hint) {
        report(written(handler_table(), draft_, key)->value, key, std::move(message), std::move(hint));
    }

    void report(const Place& at, const std::string& key, std::string message, std::string hint) {
        scene_.diagnostics.add(
            {.at = at, .key_path = draft_.path + '.' + key, .message = std::move(message), .hint = std::move(hint)});
    }

    HandlerDraft& draft_;
    Handler& handler_;
    const Scene& scene_;
    const std::vector<Protocol>& protocols_;
    const PortDraft* udp_port_;
};

}  // namespace

void check_protocols(Drafts& drafts, const Scene& scene) {
    std::unordered_map<std::string_view, Served> served;
    for (const PortDraft& port : drafts.ports) {
        Served& one = served[port.object.handler];
        const Protocol protocol = port.object.protocol;
        if (std::find(one.protocols.begin(), one.protocols.end(), protocol) != one.protocols.end()) continue;
        one.protocols.push_back(protocol);
        if (protocol == Protocol::udp) one.udp_port = &port;
    }
    for (HandlerDraft& draft : drafts.handlers) {
        const auto ports = served.find(draft.object.name);
        if (has_delivery(draft) && ports != served.end()) ProtocolCheck(draft, ports->second, scene).run();
    }
}

}  // namespace portier::config

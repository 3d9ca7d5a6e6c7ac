// Whom a port believes about the addresses of clients.
#include <fmt/format.h>

#include "config/checks.hpp"
#include "config/port_key.hpp"

namespace portier::config {

namespace {

void check_from(const PortDraft& draft, const Scene& scene) {
    const auto section = written(port_table(), draft, "proxy_protocol");
    const auto from = written(port_table(), draft, "proxy_protocol.from");
    const std::vector<Network>& networks = draft.object.proxy_protocol.from;
    if (section && section->own && section->good && !from)
        scene.diagnostics.add({.at = section->key,
                               .key_path = draft.path + ".proxy_protocol.from",
                               .message = "no proxy is named, so nobody's header would be read",
                               .hint = "as in proxy_protocol: {from: [10.0.0.0/8]}"});
    if (!from || !from->own) return;
    for (const Network& network : networks)
        if (network.prefix == 0)
            scene.diagnostics.add({.severity = Severity::warning,
                                   .at = from->value,
                                   .key_path = draft.path + ".proxy_protocol.from",
                                   .message = fmt::format("{} is everybody: whoever connects can claim to be any "
                                                          "address",
                                                          to_string(network)),
                                   .hint = "name the networks of the proxies"});
}

}  // namespace

void check_proxy(const Drafts& drafts, const Scene& scene) {
    for (const PortDraft& draft : drafts.ports) check_from(draft, scene);
}

}  // namespace portier::config

#include "keeper/flow_stores.hpp"

#include <algorithm>

#include "delivery/udp/flow_memory.hpp"
#include "net/datagrams.hpp"

namespace portier::keeper {

FlowStores FlowStores::build(const config::Config& config, const FlowStores& before, std::uint32_t& next_number) {
    FlowStores result;
    for (const config::Port& port : config.ports) {
        const auto handler = std::find_if(config.handlers.begin(), config.handlers.end(),
                                          [&](const config::Handler& item) { return item.name == port.handler; });
        if (port.protocol != config::Protocol::udp || handler->delivery != config::Delivery::relay) continue;
        const auto flows =
            static_cast<std::size_t>(port.max_flows.value_or(config::default_max_flows(handler->delivery)));
        const Key key{port.key, port.handler};
        if (const auto present = before.stores_.find(key); present != before.stores_.end()) {
            delivery::grow_flow_memory(present->second->memory.second.get(), flows);
            result.stores_.insert(*present);
            continue;
        }
        auto store = std::make_shared<FlowStore>();
        store->memory = {next_number++, delivery::make_flow_memory(flows)};
        store->loopback_socket = {next_number++, net::open_loopback_socket()};
        result.stores_.emplace(key, std::move(store));
    }
    return result;
}

const FlowStore* FlowStores::of_port(const config::Port& port) const {
    const auto found = stores_.find({port.key, port.handler});
    return found == stores_.end() ? nullptr : found->second.get();
}

}  // namespace portier::keeper

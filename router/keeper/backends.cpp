#include "keeper/backends.hpp"

namespace portier::keeper {

namespace {

std::vector<net::Address> addresses_of(const config::Backend& backend, const Addresses& addresses) {
    if (const auto address = net::parse_address(backend.host)) return {*address};
    const auto found = addresses.find(backend.host);
    return found == addresses.end() ? std::vector<net::Address>() : found->second;
}

delivery::BackendPlan backend_plan(const config::Backend& backend, const std::string& address) {
    return {.row = 0,
            .number = 0,
            .name = backend.text,
            .address = address,
            .port = backend.port,
            .path = backend.path,
            .weight = backend.weight,
            .backup = backend.backup,
            .max_connections = backend.max_connections};
}

}  // namespace

std::vector<BackendEntry> backends_of(const config::Handler& handler, const Addresses& addresses) {
    std::vector<BackendEntry> result;
    const auto add = [&](std::size_t entry, const std::string& address) {
        const config::Backend& backend = handler.connect[entry];
        const std::string row_name = handler.name + ' ' + backend.text + ' ' + address;
        result.push_back({entry, row_name, backend_plan(backend, address)});
        result.back().plan.number = static_cast<std::uint32_t>(result.size() - 1);
    };
    for (std::size_t entry = 0; entry < handler.connect.size(); ++entry) {
        if (handler.connect[entry].host.empty()) add(entry, "");
        for (const net::Address& address : addresses_of(handler.connect[entry], addresses))
            if (!handler.source_address || handler.source_address->family == address.family)
                add(entry, net::to_string(address));
    }
    return result;
}

std::set<std::string> backend_row_names(const config::Config& config, const Addresses& addresses) {
    std::set<std::string> names;
    for (const config::Handler& handler : config.handlers)
        for (const BackendEntry& backend : backends_of(handler, addresses)) names.insert(backend.row_name);
    return names;
}

}  // namespace portier::keeper

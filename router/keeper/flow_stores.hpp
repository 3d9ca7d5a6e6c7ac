// What lets the flows of relayed UDP ports outlive the router: for each port the memory in which they lie, which the
// keeper never looks into, and the socket to local backends with whatever waits in it. Opened once and kept over
// reloads like the ports themselves (keeper/socket_set). Keeper's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "config/config.hpp"

namespace portier::keeper {

struct FlowStore {
    // Each with its number on the link to the router.
    std::pair<std::uint32_t, Fd> memory;
    std::pair<std::uint32_t, Fd> loopback_socket;
};

class FlowStores {
public:
    // Opens what `before` does not have. Throws std::system_error; then `before` is as it was.
    static FlowStores build(const config::Config& config, const FlowStores& before, std::uint32_t& next_number);

    // nullptr: the port is none that is relayed over UDP.
    const FlowStore* of_port(const config::Port& port) const;

private:
    // Another handler has other backends, and another thread of the router writes for it.
    using Key = std::pair<std::string, std::string>;  // port, handler

    std::map<Key, std::shared_ptr<FlowStore>> stores_;
};

}  // namespace portier::keeper

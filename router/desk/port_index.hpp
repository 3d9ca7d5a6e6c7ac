// Finds the configured port of a local endpoint, for one protocol. Accounting's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "delivery/plan.hpp"
#include "net/endpoint.hpp"
#include "net/sock_diag.hpp"

namespace portier::desk {

class PortIndex {
public:
    struct Port {
        std::string key;
        std::string handler;
        std::string delivery;
        std::uint32_t row = 0;
        net::PortInterval interval;
        std::uint32_t only_process = 0;  // row, where the handler has just one process and it accepts; else 0
        std::optional<net::Address> address;
        bool counts_sources = false;
        bool router_accepts = false;
    };

    void assign(const delivery::Plan& plan, const std::string& protocol);

    const Port* find(const net::Endpoint& local) const;
    const std::vector<Port>& ports() const { return ports_; }

    // Port numbers: all, those whose connections processes have (in a relay the router has them), and those whose
    // processes accept for themselves.
    const std::vector<net::PortInterval>& intervals() const { return intervals_; }
    const std::vector<net::PortInterval>& held_by_processes() const { return held_by_processes_; }
    const std::vector<net::PortInterval>& inherited() const { return inherited_; }

private:
    std::vector<Port> ports_;
    std::unordered_multimap<std::uint16_t, std::size_t> by_number_;
    std::vector<net::PortInterval> intervals_;
    std::vector<net::PortInterval> held_by_processes_;
    std::vector<net::PortInterval> inherited_;
};

}  // namespace portier::desk

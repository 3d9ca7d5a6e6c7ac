// A list of networks of the plan (allow, deny, from), ready to be asked. Plain values; any thread.
#pragma once

#include <vector>

#include "net/endpoint.hpp"

namespace portier::delivery {

struct NetworkPlan;

class Networks {
public:
    Networks() = default;
    explicit Networks(const std::vector<NetworkPlan>& plan);

    bool empty() const { return networks_.empty(); }
    bool contains(const net::Address& address) const;

private:
    struct Network {
        net::Address address;
        unsigned prefix;
    };
    std::vector<Network> networks_;
};

}  // namespace portier::delivery

// kitchen: takes orders, one a line over TCP or one a datagram over UDP, and serves what its menu has.
#include <cstdio>
#include <cstring>
#include <memory>

#include "kitchen/house.hpp"
#include "sdk/server.hpp"

int main(int argc, char** argv) {
    const auto kind = argc == 3 && std::strcmp(argv[1], "--menu") == 0 ? kitchen::parse_kind(argv[2]) : std::nullopt;
    if (!kind) {
        std::fputs("usage: kitchen --menu veg|non-veg\n", stderr);
        return 2;
    }
    return portier::sdk::serve("kitchen", [&](portier::sdk::Connections& connections) {
        return std::make_unique<kitchen::House>(connections, *kind);
    });
}

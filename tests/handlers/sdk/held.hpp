// What a test's handler received through its Doors and has not closed.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sdk/doors.hpp"

namespace portier::sdk {

struct Held {
    std::vector<Fd> sockets;
    std::vector<std::uint64_t> ids;
};

inline Doors::State receive(Doors& doors, Held& held) {
    return doors.receive([&](Fd socket, const net::Door& door) {
        held.sockets.push_back(std::move(socket));
        held.ids.push_back(door.id);
    });
}

}  // namespace portier::sdk

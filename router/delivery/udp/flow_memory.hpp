// The memory in which the flows of one relayed UDP port lie (delivery/udp/flow_table): a memory file that the keeper
// makes, keeps over reloads and router deaths, and never looks into. The router maps it and takes nothing in it for
// granted.
#pragma once

#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "delivery/udp/flow_table.hpp"

namespace portier::delivery {

// For the keeper: with room for so many flows, none of which costs memory before it is used. It can grow and never
// shrinks, so whoever maps it is safe. Throws std::system_error.
Fd make_flow_memory(std::size_t flows);
void grow_flow_memory(int memory, std::size_t flows);

class FlowMemory {
public:
    // Throws std::system_error. What was not left by a router of this version is forgotten.
    explicit FlowMemory(int memory);
    FlowMemory(const FlowMemory&) = delete;
    FlowMemory& operator=(const FlowMemory&) = delete;
    ~FlowMemory();

    std::span<Flow> flows() const;
    FlowMarks& marks() const;

private:
    struct Header;

    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace portier::delivery

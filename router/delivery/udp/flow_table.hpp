// The flows of one relayed UDP port: who asked which address of ours, and who answers. What a flow is lies in memory
// that outlives the router (delivery/udp/flow_memory); how flows are found lies here and is made anew by whoever takes
// the memory over, so nothing that lies there can lead astray. Everything is allocated once. The port's thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::delivery {

// An endpoint without a gap between its bytes; IPv4 in the mapped form of IPv6.
struct PackedEndpoint {
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;

    bool operator==(const PackedEndpoint&) const = default;
};
PackedEndpoint pack(const net::Endpoint& endpoint);
net::Endpoint unpack(const PackedEndpoint& endpoint);

struct FlowKey {
    PackedEndpoint sender;  // gets the replies
    PackedEndpoint asked;   // where the datagrams come to, and the replies leave from
    // The same, or what a PROXY header tells.
    PackedEndpoint client;
    PackedEndpoint destination;

    bool operator==(const FlowKey&) const = default;
};

enum class FlowState : std::uint32_t {
    free,
    fresh,        // the client has sent one datagram: it may be anybody's
    established,  // more than one
};

struct Flow {
    std::atomic<FlowState> state;  // written last when a flow begins and first when it ends
    std::uint32_t number;          // 24 bits, unique among the living
    FlowKey key;
    PackedEndpoint backend;
    std::uint16_t backend_port;    // our side of the socket that is connected to it; 0: the flow has none
    std::uint32_t interface;       // of a link-local client
    std::uint64_t since_ms;        // monotonic
    std::uint64_t used_ms;         // the last datagram, in whatever direction
    std::uint64_t received, sent;  // bytes, as the backend sees it
};

// Beside the flows, in the same memory.
struct FlowMarks {
    std::uint32_t next_number = 0;  // a number is given again as late as possible
    std::uint32_t used = 0;         // flows beyond this one were never written, so nobody reads them
};

class FlowTable {
public:
    static constexpr std::uint32_t kNone = 0xffffffff;
    static constexpr std::size_t kMaxFlows = std::size_t{1} << 22;

    // Takes over what is sound among `flows` (at most kMaxFlows) and frees the rest.
    FlowTable(std::span<Flow> flows, FlowMarks& marks, std::uint64_t now_ms);

    Flow& operator[](std::uint32_t index) { return flows_[index]; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return flows_.size(); }

    std::uint32_t find(const FlowKey& key) const;
    std::uint32_t find_number(std::uint32_t number) const;

    // Precondition: size() < capacity(). A fresh flow with a new number; the caller fills in the rest.
    std::uint32_t insert(const FlowKey& key, std::uint64_t now_ms);
    void remove(std::uint32_t index);

    // A datagram of the flow has come: from the client, or else from the backend.
    void use(std::uint32_t index, std::uint64_t now_ms, bool from_client);

    // The one that has to go when there is no room: the fresh flow that is idle for the longest time or, if all are
    // established, the one of these. Precondition: size() > 0.
    std::uint32_t least_wanted() const;
    // A flow that nobody has used since; kNone: there is none.
    std::uint32_t unused_since(std::uint64_t before_ms) const;

private:
    struct Link {
        std::uint32_t next_key, next_number;  // in the chains that begin in heads_by_...
        std::uint32_t older, newer;           // in the list of its state; of a free one: `newer` is the next free one
    };
    struct List {
        std::uint32_t oldest = kNone, newest = kNone;
    };

    void take_over(std::uint64_t now_ms);
    bool is_sound(const Flow& flow) const;
    std::uint32_t& key_head(const FlowKey& key);
    std::uint32_t& number_head(std::uint32_t number) { return heads_by_number_[number & mask_]; }
    List& list_of(const Flow& flow) {
        return lists_[flow.state.load(std::memory_order_relaxed) == FlowState::fresh ? 0 : 1];
    }
    void chain(std::uint32_t index);
    void append(std::uint32_t index);
    void unlink(std::uint32_t index);
    std::uint32_t unused_number();

    std::span<Flow> flows_;
    FlowMarks& marks_;
    std::uint64_t seed_;  // nobody outside knows where a flow falls
    std::uint32_t mask_;
    std::vector<Link> links_;
    std::vector<std::uint32_t> heads_by_key_, heads_by_number_;
    std::array<List, 2> lists_;  // fresh, established
    std::uint32_t first_free_ = kNone;
    std::size_t size_ = 0;
};

}  // namespace portier::delivery

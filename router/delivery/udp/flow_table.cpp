#include "delivery/udp/flow_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/random_seed.hpp"

namespace portier::delivery {

namespace {

// Flow numbers are the last 24 bits of an address in 127.0.0.0/8 (delivery/udp/port). Its first 65,536 are left to
// others (127.0.0.1, 127.0.0.53, 127.0.1.1), and the very last one is a broadcast address.
constexpr std::uint32_t kFirstNumber = 0x010000;
constexpr std::uint32_t kLastNumber = 0xfffffe;

bool is_number(std::uint32_t number) {
    return number >= kFirstNumber && number <= kLastNumber;
}

std::uint32_t number_after(std::uint32_t number) {
    return number == kLastNumber ? kFirstNumber : number + 1;
}

// Eight bytes at a time (the finalizer of MurmurHash3); whoever does not know the seed cannot aim at a chain.
std::uint64_t hash(const FlowKey& key, std::uint64_t seed) {
    static_assert(std::has_unique_object_representations_v<FlowKey> && sizeof key % 8 == 0);
    std::array<std::uint64_t, sizeof key / 8> words;
    std::memcpy(words.data(), &key, sizeof key);
    std::uint64_t result = seed;
    for (const std::uint64_t word : words) {
        result = (result ^ word) * 0xff51afd7ed558ccdull;
        result ^= result >> 33;
    }
    return result * 0xc4ceb9fe1a85ec53ull >> 32;
}

}  // namespace

PackedEndpoint pack(const net::Endpoint& endpoint) {
    PackedEndpoint packed{{}, endpoint.port};
    if (endpoint.address.family == 6) {
        packed.address = endpoint.address.bytes;
    } else {
        packed.address[10] = packed.address[11] = 0xff;
        std::memcpy(packed.address.data() + 12, endpoint.address.bytes.data(), 4);
    }
    return packed;
}

net::Endpoint unpack(const PackedEndpoint& packed) {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    net::Endpoint endpoint{{6, packed.address}, packed.port};
    if (std::memcmp(packed.address.data(), kMapped.data(), kMapped.size()) != 0) return endpoint;
    endpoint.address = {4, {}};
    std::memcpy(endpoint.address.bytes.data(), packed.address.data() + 12, 4);
    return endpoint;
}

FlowTable::FlowTable(std::span<Flow> flows, FlowMarks& marks, std::uint64_t now_ms)
    : flows_(flows.first(std::min(flows.size(), kMaxFlows))),
      marks_(marks),
      seed_(random_seed()),
      mask_(static_cast<std::uint32_t>(std::bit_ceil(flows_.size() + 1) - 1)),
      links_(flows_.size()),
      heads_by_key_(mask_ + 1, kNone),
      heads_by_number_(mask_ + 1, kNone) {
    if (!is_number(marks_.next_number)) marks_.next_number = kFirstNumber;
    marks_.used = static_cast<std::uint32_t>(std::min<std::size_t>(marks_.used, flows_.size()));
    take_over(now_ms);
}

bool FlowTable::is_sound(const Flow& flow) const {
    const FlowState state = flow.state.load(std::memory_order_relaxed);
    return (state == FlowState::fresh || state == FlowState::established) && is_number(flow.number) &&
           find(flow.key) == kNone && find_number(flow.number) == kNone;
}

void FlowTable::take_over(std::uint64_t now_ms) {
    std::vector<std::uint32_t> living;
    for (std::size_t i = flows_.size(); i-- > 0;) {
        const auto index = static_cast<std::uint32_t>(i);
        if (index < marks_.used && is_sound(flows_[index])) {
            flows_[index].used_ms = std::min(flows_[index].used_ms, now_ms);
            chain(index);
            living.push_back(index);
        } else {
            if (index < marks_.used) flows_[index].state.store(FlowState::free, std::memory_order_relaxed);
            links_[index].newer = std::exchange(first_free_, index);
        }
    }
    std::sort(living.begin(), living.end(),
              [this](std::uint32_t a, std::uint32_t b) { return flows_[a].used_ms < flows_[b].used_ms; });
    for (const std::uint32_t index : living) append(index);
    size_ = living.size();
}

std::uint32_t& FlowTable::key_head(const FlowKey& key) {
    return heads_by_key_[hash(key, seed_) & mask_];
}

std::uint32_t FlowTable::find(const FlowKey& key) const {
    std::uint32_t index = heads_by_key_[hash(key, seed_) & mask_];
    while (index != kNone && flows_[index].key != key) index = links_[index].next_key;
    return index;
}

std::uint32_t FlowTable::find_number(std::uint32_t number) const {
    std::uint32_t index = heads_by_number_[number & mask_];
    while (index != kNone && flows_[index].number != number) index = links_[index].next_number;
    return index;
}

void FlowTable::chain(std::uint32_t index) {
    links_[index].next_key = std::exchange(key_head(flows_[index].key), index);
    links_[index].next_number = std::exchange(number_head(flows_[index].number), index);
}

void FlowTable::append(std::uint32_t index) {
    List& list = list_of(flows_[index]);
    links_[index].newer = kNone;
    links_[index].older = std::exchange(list.newest, index);
    if (links_[index].older == kNone)
        list.oldest = index;
    else
        links_[links_[index].older].newer = index;
}

void FlowTable::unlink(std::uint32_t index) {
    List& list = list_of(flows_[index]);
    const Link& link = links_[index];
    (link.older == kNone ? list.oldest : links_[link.older].newer) = link.newer;
    (link.newer == kNone ? list.newest : links_[link.newer].older) = link.older;
}

// One is always free: they are four times as many as flows. Those in use lie close together, if anywhere.
std::uint32_t FlowTable::unused_number() {
    while (find_number(marks_.next_number) != kNone) marks_.next_number = number_after(marks_.next_number);
    return std::exchange(marks_.next_number, number_after(marks_.next_number));
}

std::uint32_t FlowTable::insert(const FlowKey& key, std::uint64_t now_ms) {
    const std::uint32_t index = first_free_;
    first_free_ = links_[index].newer;
    marks_.used = std::max(marks_.used, index + 1);
    Flow& flow = flows_[index];
    flow.number = unused_number();
    flow.key = key;
    flow.backend = {};
    flow.backend_port = 0;
    flow.interface = 0;
    flow.since_ms = flow.used_ms = now_ms;
    flow.received = flow.sent = 0;
    flow.state.store(FlowState::fresh, std::memory_order_release);
    chain(index);
    append(index);
    ++size_;
    return index;
}

void FlowTable::remove(std::uint32_t index) {
    Flow& flow = flows_[index];
    unlink(index);
    flow.state.store(FlowState::free, std::memory_order_release);
    std::uint32_t* link = &key_head(flow.key);
    while (*link != index) link = &links_[*link].next_key;
    *link = links_[index].next_key;
    link = &number_head(flow.number);
    while (*link != index) link = &links_[*link].next_number;
    *link = links_[index].next_number;
    links_[index].newer = std::exchange(first_free_, index);
    --size_;
}

void FlowTable::use(std::uint32_t index, std::uint64_t now_ms, bool from_client) {
    Flow& flow = flows_[index];
    flow.used_ms = now_ms;
    const bool becomes_established = from_client && flow.state.load(std::memory_order_relaxed) == FlowState::fresh;
    if (links_[index].newer == kNone && !becomes_established) return;
    unlink(index);
    if (becomes_established) flow.state.store(FlowState::established, std::memory_order_relaxed);
    append(index);
}

std::uint32_t FlowTable::least_wanted() const {
    return lists_[0].oldest != kNone ? lists_[0].oldest : lists_[1].oldest;
}

std::uint32_t FlowTable::unused_since(std::uint64_t before_ms) const {
    for (const List& list : lists_)
        if (list.oldest != kNone && flows_[list.oldest].used_ms < before_ms) return list.oldest;
    return kNone;
}

}  // namespace portier::delivery

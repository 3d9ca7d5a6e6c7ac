#include "delivery/udp/flow_table.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "support/random.hpp"

namespace portier::delivery {

namespace {

constexpr std::uint32_t kNone = FlowTable::kNone;

FlowKey key(std::uint32_t client, std::uint16_t asked = 53) {
    net::Endpoint sender{{4, {10}}, static_cast<std::uint16_t>(client)};
    sender.address.bytes[1] = static_cast<std::uint8_t>(client >> 16);
    const PackedEndpoint packed = pack(sender);
    const PackedEndpoint ours = pack({*net::parse_address("127.0.0.1"), asked});
    return {packed, ours, packed, ours};
}

// Flows and marks as they lie in a memory file.
class Memory {
public:
    explicit Memory(std::size_t flows) : size_(flows), flows_(new Flow[flows]()) {}

    std::span<Flow> flows() { return {flows_.get(), size_}; }
    FlowTable table(std::uint64_t now_ms = 0) { return FlowTable(flows(), marks, now_ms); }

    FlowMarks marks;

private:
    std::size_t size_;
    std::unique_ptr<Flow[]> flows_;
};

TEST(PackedEndpoints, GoThereAndBack) {
    for (const char* address : {"127.0.0.1", "255.1.2.3", "::1", "2001:db8::ffff:1.2.3.4"}) {
        const net::Endpoint endpoint{*net::parse_address(address), 65535};
        EXPECT_EQ(unpack(pack(endpoint)), endpoint) << address;
    }
}

TEST(FlowTable, FindsFlowsByKeyAndByNumber) {
    Memory memory(4);
    FlowTable table = memory.table();
    const std::uint32_t a = table.insert(key(1), 10);
    const std::uint32_t b = table.insert(key(1, 54), 10);
    EXPECT_NE(a, b) << "another address of ours that was asked is another flow";
    EXPECT_EQ(table.find(key(1)), a);
    EXPECT_EQ(table.find(key(1, 54)), b);
    EXPECT_EQ(table.find(key(2)), kNone);
    EXPECT_EQ(table.find_number(table[a].number), a);
    table.remove(a);
    EXPECT_EQ(table.find(key(1)), kNone);
    EXPECT_EQ(table.find(key(1, 54)), b);
    EXPECT_EQ(table.size(), 1u);
}

TEST(FlowTable, NumbersAreAddressesThatNobodyElseUses) {
    Memory memory(2);
    memory.marks.next_number = 0xfffffe;
    FlowTable table = memory.table();
    EXPECT_EQ(table[table.insert(key(1), 0)].number, 0xfffffeu);
    EXPECT_EQ(table[table.insert(key(2), 0)].number, 0x010000u) << "not the broadcast address, none of 127.0.0.0/16";
}

TEST(FlowTable, ANumberIsGivenAgainAsLateAsPossible) {
    Memory memory(1);
    FlowTable table = memory.table();
    std::set<std::uint32_t> seen;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const std::uint32_t flow = table.insert(key(i), i);
        EXPECT_TRUE(seen.insert(table[flow].number).second);
        table.remove(flow);
    }
}

TEST(FlowTable, OldestOnePacketFlowsAreLeastWanted) {
    Memory memory(3);
    FlowTable table = memory.table();
    const std::uint32_t talker = table.insert(key(1), 1);
    const std::uint32_t once = table.insert(key(2), 2);
    const std::uint32_t answered = table.insert(key(3), 3);
    EXPECT_EQ(table.least_wanted(), talker) << "so far all have sent one datagram";
    table.use(talker, 4, true);
    EXPECT_EQ(table.least_wanted(), once);
    table.use(once, 5, false);
    EXPECT_EQ(table.least_wanted(), answered) << "an answer is a use, but proves no client";
    table.remove(once);
    table.remove(answered);
    EXPECT_EQ(table.least_wanted(), talker) << "the only one left";
}

TEST(FlowTable, EstablishedOnesGoByTheirLastUse) {
    Memory memory(3);
    FlowTable table = memory.table();
    std::vector<std::uint32_t> flows;
    for (std::uint32_t i = 0; i < 3; ++i) {
        flows.push_back(table.insert(key(i), i));
        table.use(flows.back(), i, true);
    }
    table.use(flows[0], 10, false);
    EXPECT_EQ(table.least_wanted(), flows[1]) << "both directions count";
    EXPECT_EQ(table.unused_since(1), kNone);
    EXPECT_EQ(table.unused_since(2), flows[1]);
}

TEST(FlowTable, TheNextRouterFindsEverything) {
    Memory memory(8);
    std::uint32_t number = 0;
    {
        FlowTable table = memory.table();
        const std::uint32_t old = table.insert(key(1), 5);
        table.use(old, 6, true);
        const std::uint32_t flow = table.insert(key(2), 7);
        table.use(flow, 8, true);
        number = table[flow].number;
        table.insert(key(3), 9);
        table.remove(table.insert(key(4), 10));
    }
    FlowTable table = memory.table(20);
    EXPECT_EQ(table.size(), 3u);
    EXPECT_EQ(table.find_number(number), table.find(key(2)));
    EXPECT_EQ(table.find(key(4)), kNone);
    EXPECT_EQ(table.least_wanted(), table.find(key(3)));
    table.remove(table.find(key(3)));
    EXPECT_EQ(table.least_wanted(), table.find(key(1))) << "in the order of their last use";
    EXPECT_EQ(table[table.insert(key(5), 20)].number, number + 3) << "numbers go on";
}

TEST(FlowTable, ANewTableOverLargerMemoryKeepsTheFlows) {
    Memory memory(100);
    { FlowTable(memory.flows().first(2), memory.marks, 0).insert(key(1), 1); }
    FlowTable table = memory.table(2);
    EXPECT_EQ(table.capacity(), 100u);
    EXPECT_NE(table.find(key(1)), kNone);
}

TEST(FlowTable, SurvivesGarbage) {
    test::Random random;
    for (int round = 0; round < 200; ++round) {
        Memory memory(64);
        {
            FlowTable table = memory.table();
            for (std::uint32_t i = 0; i < 40; ++i) table.use(table.insert(key(i), i), i, true);
        }
        auto bytes = std::as_writable_bytes(memory.flows());
        for (std::uint64_t hits = random.between(1, 500); hits > 0; --hits)
            bytes[random.between(0, bytes.size() - 1)] = static_cast<std::byte>(random());
        if (round % 2) memory.marks = {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random())};
        FlowTable table = memory.table(1000);
        EXPECT_LE(table.size(), table.capacity());
        while (table.size() > 0) {  // every list and chain is whole
            const std::uint32_t flow = table.least_wanted();
            ASSERT_LT(flow, table.capacity());
            EXPECT_EQ(table.find(table[flow].key), flow);
            EXPECT_EQ(table.find_number(table[flow].number), flow);
            EXPECT_LE(table[flow].used_ms, 1000u);
            table.remove(flow);
        }
        for (std::uint32_t i = 0; i < 64; ++i) table.insert(key(i), 1000);
        EXPECT_EQ(table.size(), 64u);
    }
}

// The same behaviour as two plain lists of flows, whatever the sequence.
TEST(FlowTable, BehavesLikeItsModel) {
    test::Random random;
    Memory memory(50);
    auto table = std::make_unique<FlowTable>(memory.flows(), memory.marks, 0);
    std::list<std::uint32_t> fresh, established;  // clients, oldest first
    const auto is_known = [](const std::list<std::uint32_t>& list, std::uint32_t client) {
        return std::find(list.begin(), list.end(), client) != list.end();
    };
    for (std::uint64_t now = 1; now < 20'000; ++now) {
        const auto client = static_cast<std::uint32_t>(random.between(0, 80));
        const std::uint32_t flow = table->find(key(client));
        ASSERT_EQ(flow != kNone, is_known(fresh, client) || is_known(established, client));
        if (flow != kNone && random.between(0, 9) == 0) {
            table->remove(flow);
            fresh.remove(client);
            established.remove(client);
        } else if (flow != kNone) {
            const bool from_client = random.between(0, 2) > 0;
            table->use(flow, now, from_client);
            auto& list = from_client || is_known(established, client) ? established : fresh;
            fresh.remove(client);
            established.remove(client);
            list.push_back(client);
        } else {
            if (table->size() == table->capacity()) {
                auto& list = fresh.empty() ? established : fresh;
                ASSERT_EQ(table->least_wanted(), table->find(key(list.front())));
                table->remove(table->least_wanted());
                list.pop_front();
            }
            table->insert(key(client), now);
            fresh.push_back(client);
        }
        ASSERT_EQ(table->size(), fresh.size() + established.size());
        if (now % 1000 == 0) table = std::make_unique<FlowTable>(memory.flows(), memory.marks, now);
    }
}

}  // namespace

}  // namespace portier::delivery

#include "delivery/udp/flow_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

namespace portier::delivery {

namespace {

blkcnt_t blocks(const Fd& memory) {
    struct stat status {};
    EXPECT_EQ(::fstat(memory.get(), &status), 0);
    return status.st_blocks;
}

FlowKey key(std::uint16_t port) {
    const PackedEndpoint packed = pack({*net::parse_address("127.0.0.1"), port});
    return {packed, packed, packed, packed};
}

TEST(FlowMemory, KeepsFlowsForTheNextOne) {
    const Fd file = make_flow_memory(100);
    {
        const FlowMemory memory(file.get());
        FlowTable(memory.flows(), memory.marks(), 1).insert(key(1), 1);
    }
    const FlowMemory memory(file.get());
    EXPECT_EQ(memory.flows().size(), 100u);
    EXPECT_NE(FlowTable(memory.flows(), memory.marks(), 2).find(key(1)), FlowTable::kNone);
}

TEST(FlowMemory, GrowsWithTheFlowsInItAndNeverShrinks) {
    const Fd file = make_flow_memory(1);
    {
        const FlowMemory memory(file.get());
        FlowTable(memory.flows(), memory.marks(), 1).insert(key(1), 1);
    }
    grow_flow_memory(file.get(), 1000);
    grow_flow_memory(file.get(), 10);
    const FlowMemory memory(file.get());
    EXPECT_EQ(memory.flows().size(), 1000u);
    EXPECT_EQ(FlowTable(memory.flows(), memory.marks(), 2).size(), 1u);
    EXPECT_LT(::ftruncate(file.get(), 0), 0) << "a mapping never loses its ground";
}

TEST(FlowMemory, CostsNothingBeforeItIsUsed) {
    const Fd file = make_flow_memory(FlowTable::kMaxFlows);
    const FlowMemory memory(file.get());
    FlowTable table(memory.flows(), memory.marks(), 1);
    table.insert(key(1), 1);
    EXPECT_LT(blocks(file) * 512, 1 << 20);
}

TEST(FlowMemory, OfAnotherVersionIsForgotten) {
    const Fd file = make_flow_memory(10);
    {
        const FlowMemory memory(file.get());
        FlowTable(memory.flows(), memory.marks(), 1).insert(key(1), 1);
    }
    const std::uint64_t other_layout = 1;
    ASSERT_EQ(::pwrite(file.get(), &other_layout, sizeof other_layout, 0), 8);
    const FlowMemory memory(file.get());
    EXPECT_EQ(FlowTable(memory.flows(), memory.marks(), 2).size(), 0u);
}

TEST(FlowMemory, ThatIsTooSmallIsRefused) {
    const Fd nothing(::memfd_create("nothing", MFD_CLOEXEC));
    EXPECT_THROW(FlowMemory(nothing.get()), std::system_error);
    EXPECT_THROW(FlowMemory(-1), std::system_error);
}

}  // namespace

}  // namespace portier::delivery

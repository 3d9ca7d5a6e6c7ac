#include "delivery/udp/flow_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"

namespace portier::delivery {

namespace {

constexpr std::uint64_t kLayout = 0x706f7274'00010000ull + sizeof(Flow);

}  // namespace

struct FlowMemory::Header {
    std::uint64_t layout;
    FlowMarks marks;
    std::uint64_t unused[6];  // a cache line
};

void grow_flow_memory(int memory, std::size_t flows) {
    // The size of FlowMemory::Header, which is nobody else's business.
    constexpr std::size_t kHeader = 64;
    struct stat status {};
    const auto wanted = static_cast<off_t>(kHeader + std::min(flows, FlowTable::kMaxFlows) * sizeof(Flow));
    if (::fstat(memory, &status) < 0 || (status.st_size < wanted && ::ftruncate(memory, wanted) < 0))
        throw_errno("memory for flows");
}

Fd make_flow_memory(std::size_t flows) {
    Fd memory(::memfd_create("portier-flows", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory || ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0) throw_errno("memory for flows");
    grow_flow_memory(memory.get(), flows);
    return memory;
}

FlowMemory::FlowMemory(int memory) {
    static_assert(sizeof(Header) == 64 && alignof(Flow) <= 64);
    struct stat status {};
    if (::fstat(memory, &status) < 0) throw_errno("memory for flows");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ < sizeof(Header)) throw_errno("memory for flows", EINVAL);
    address_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (address_ == MAP_FAILED) throw_errno("memory for flows");
    auto& header = *static_cast<Header*>(address_);
    if (header.layout != kLayout) header.marks = {};
    header.layout = kLayout;
}

FlowMemory::~FlowMemory() {
    ::munmap(address_, size_);
}

FlowMarks& FlowMemory::marks() const {
    return static_cast<Header*>(address_)->marks;
}

std::span<Flow> FlowMemory::flows() const {
    auto* first = reinterpret_cast<Flow*>(static_cast<std::byte*>(address_) + sizeof(Header));
    return {first, (size_ - sizeof(Header)) / sizeof(Flow)};
}

}  // namespace portier::delivery

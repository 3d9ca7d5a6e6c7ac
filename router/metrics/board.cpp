#include "metrics/board.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "base/error.hpp"

namespace portier::metrics {

// A file of zeros is a valid empty board, so it is mapped and never constructed; that also lets a second process
// attach.
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::is_trivially_destructible_v<Board>);

BoardMemory::BoardMemory(Fd descriptor) : descriptor_(std::move(descriptor)) {
    void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
    if (memory == MAP_FAILED) throw_errno("map the board");
    board_ = static_cast<Board*>(memory);
}

BoardMemory BoardMemory::create() {
    Fd descriptor(::memfd_create("portier-board", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!descriptor) throw_errno("memfd for the board");
    if (::ftruncate(descriptor.get(), sizeof(Board)) < 0) throw_errno("size the board");
    // The router writes here: it must not be able to take the memory away from under the keeper (SIGBUS, mmap(2)).
    if (::fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        throw_errno("seal the board");
    return BoardMemory(std::move(descriptor));
}

BoardMemory BoardMemory::attach(Fd descriptor) {
    return BoardMemory(std::move(descriptor));
}

BoardMemory::BoardMemory(BoardMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), board_(std::exchange(other.board_, nullptr)) {}

BoardMemory::~BoardMemory() {
    if (board_) ::munmap(board_, sizeof(Board));
}

}  // namespace portier::metrics

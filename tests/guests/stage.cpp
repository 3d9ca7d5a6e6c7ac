#include "stage.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <memory>

#include "base/error.hpp"

namespace portier::guests {
namespace {

Fd make_eventfd() {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) throw_errno("eventfd");
    return fd;
}

}  // namespace

Stage::Stage(std::uint32_t processes) : gate_(make_eventfd()), stop_(make_eventfd()), readiness_(make_eventfd()) {
    const std::size_t size = processes * sizeof(Share);
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap of the shared counters");
    auto* first = static_cast<Share*>(memory);
    std::uninitialized_value_construct_n(first, processes);
    shares_ = {first, processes};
}

Stage::~Stage() {
    ::munmap(shares_.data(), shares_.size_bytes());
}

void Stage::say_ready(std::uint32_t process) {
    shares_[process].ready.store(true);
    ::eventfd_write(readiness_.get(), 1);
}

void Stage::read_ready() {
    eventfd_t count = 0;
    ::eventfd_read(readiness_.get(), &count);
}

void Stage::open_gate() {
    ::eventfd_write(gate_.get(), 1);
}

void Stage::say_stop() {
    ::eventfd_write(stop_.get(), 1);
}

}  // namespace portier::guests

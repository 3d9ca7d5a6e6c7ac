#include "net/filter_faults.hpp"

#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace {

unsigned most_instructions = ~0u;

}  // namespace

extern "C" int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    const bool filter = level == SOL_SOCKET && name == SO_ATTACH_FILTER;
    if (filter && static_cast<const sock_fprog*>(value)->len > most_instructions) {
        errno = ENOMEM;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_setsockopt, fd, level, name, value, size));
}

namespace portier::test {

FilterLimit::FilterLimit(unsigned instructions) {
    most_instructions = instructions;
}

FilterLimit::~FilterLimit() {
    most_instructions = ~0u;
}

}  // namespace portier::test

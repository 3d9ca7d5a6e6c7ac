#include "desk/accept_faults.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace {

int next_error = 0;

}  // namespace

extern "C" int accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
    if (next_error != 0) {
        errno = next_error;
        next_error = 0;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_accept4, listener, address, length, flags));
}

namespace portier::test {

void fail_next_accept(int error) {
    next_error = error;
}

}  // namespace portier::test

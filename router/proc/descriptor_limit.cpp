#include "proc/descriptor_limit.hpp"

#include <sys/resource.h>

namespace portier::proc {

namespace {

rlimit present_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
}

const rlimit& first_limit() {
    static const rlimit limit = present_limit();
    return limit;
}

}  // namespace

void raise_descriptor_limit() {
    rlimit limit = first_limit();
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t former_descriptor_limit() {
    return first_limit().rlim_cur;
}

}  // namespace portier::proc

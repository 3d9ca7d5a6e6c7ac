// A number that nobody outside can guess, for tables that foreign bytes are looked up in. Any thread.
#pragma once

#include <sys/random.h>

#include <cstdint>

namespace portier {

inline std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    // So few bytes come at once and never fail (getrandom(2)).
    [[maybe_unused]] const auto size = ::getrandom(&seed, sizeof seed, 0);
    return seed;
}

}  // namespace portier

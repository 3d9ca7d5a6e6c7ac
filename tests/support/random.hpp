// Random numbers whose seed is printed when the test fails; PORTIER_TEST_SEED repeats a run.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

namespace portier::test {

class Random : public std::mt19937_64 {
public:
    Random() : Random(pick_seed()) {}

    // From `low` to `high`, both included.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return std::uniform_int_distribution<std::uint64_t>(low, high)(*this);
    }

private:
    explicit Random(std::uint64_t seed)
        : std::mt19937_64(seed), trace_("", 0, "PORTIER_TEST_SEED=" + std::to_string(seed)) {}

    static std::uint64_t pick_seed() {
        const char* given = std::getenv("PORTIER_TEST_SEED");
        return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    }

    testing::ScopedTrace trace_;
};

}  // namespace portier::test

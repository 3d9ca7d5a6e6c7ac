#include "delivery/relay/supplies.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace portier::delivery {

TEST(RelaySupplies, WhatComesBackIsLentAgain) {
    RelaySupplies supplies;
    auto buffer = supplies.take_buffer();
    const auto* const address = buffer.get();
    supplies.give_back(std::move(buffer));
    EXPECT_EQ(supplies.take_buffer().get(), address);
    auto pipe = supplies.take_pipe();
    ASSERT_TRUE(pipe);
    const int number = pipe->in.get();
    supplies.give_back(std::move(*pipe));
    EXPECT_EQ(supplies.take_pipe()->in.get(), number);
    supplies.give_back(nullptr);  // of a stream that has none
}

TEST(RelaySupplies, PipesAreBounded) {
    RelaySupplies supplies;
    std::vector<net::Pipe> taken;
    while (auto pipe = supplies.take_pipe()) taken.push_back(std::move(*pipe));
    EXPECT_LE(taken.size(), RelaySupplies::kMaxPipes);
    ASSERT_GT(taken.size(), 0u);
    supplies.give_back(std::move(taken.back()));
    EXPECT_TRUE(supplies.take_pipe());
}

// A lack of descriptors is nothing but a reason to copy.
TEST(RelaySupplies, WithoutDescriptorsThereIsNoPipe) {
    RelaySupplies supplies;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool got = supplies.take_pipe().has_value();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_FALSE(got);
    EXPECT_TRUE(supplies.take_buffer());
}

}  // namespace portier::delivery

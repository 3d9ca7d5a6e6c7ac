#include "delivery/descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace portier::delivery {

namespace {

Fd some_descriptor() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Descriptors, AreTakenOnce) {
    Descriptors descriptors;
    descriptors.add(7, some_descriptor());
    EXPECT_TRUE(descriptors.take(7));
    EXPECT_FALSE(descriptors.take(7));
    EXPECT_FALSE(descriptors.share(7)) << "whoever takes one has it alone";
}

TEST(Descriptors, PassFromOneOwnerToAnother) {
    Descriptors descriptors;
    descriptors.add(7, some_descriptor());
    auto before = descriptors.share(7);
    ASSERT_TRUE(before);
    auto after = descriptors.share(7);
    EXPECT_EQ(before, after);
    const int number = before->get();
    before.reset();
    EXPECT_TRUE(is_open(number));
    after.reset();
    EXPECT_FALSE(is_open(number)) << "nobody has it any more";
    EXPECT_FALSE(descriptors.share(7));
    descriptors.forget_ended();
    descriptors.add(7, some_descriptor());
    EXPECT_TRUE(descriptors.share(7)) << "offered anew";
}

TEST(Descriptors, AnotherOfferCountsMoreThanWhatIsShared) {
    Descriptors descriptors;
    descriptors.add(7, some_descriptor());
    const auto before = descriptors.share(7);
    descriptors.add(7, some_descriptor());
    EXPECT_NE(descriptors.share(7), before);
}

}  // namespace

}  // namespace portier::delivery

#include "proc/identity.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace portier::proc {

// Users and groups are looked up by name; unknown ones are no identity.
TEST(FindIdentity, LooksUpUsersAndGroups) {
    const auto root = find_identity("root", "");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0u);
    EXPECT_EQ(root->gid, 0u);
    EXPECT_EQ(root->user, "root");
    EXPECT_EQ(root->home, "/root");
    const auto daemon = find_identity("daemon", "nogroup");
    ASSERT_TRUE(daemon);
    EXPECT_EQ(daemon->uid, 1u);
    EXPECT_EQ(daemon->gid, 65534u);
    EXPECT_EQ(daemon->groups, std::vector<gid_t>{65534});
    const auto own = find_identity("", "nogroup");
    ASSERT_TRUE(own);
    EXPECT_EQ(own->uid, ::geteuid());
    EXPECT_EQ(own->gid, 65534u);
    EXPECT_EQ(own->user, "");
    EXPECT_FALSE(find_identity("", "no-such-group"));
    EXPECT_FALSE(find_identity("no-such-user", ""));
    EXPECT_FALSE(find_identity("root", "no-such-group"));
}

}  // namespace portier::proc

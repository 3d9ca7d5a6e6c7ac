#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

TEST(check_relay, paths_start_from_the_folder_of_the_file) {
    const ScratchFolder folder;
    const Loaded loaded =
        load(folder.write("houses.yaml",
                          "version: 1\nhandlers: {a: {delivery: relay, connect: [\"unix:run/a.sock\", "
                          "\"unix:/run/../b.sock\"]}}\nports: {7001/tcp: a}\n"),
             test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    const auto& backends = loaded.config->handlers[0].connect;
    EXPECT_EQ(backends[0].path, (folder / "run/a.sock").string());
    EXPECT_EQ(backends[0].text, "unix:" + backends[0].path);
    EXPECT_EQ(backends[0].mark.line, 2);
    EXPECT_EQ(backends[1].path, "/b.sock");
}

}  // namespace
}  // namespace portier::config

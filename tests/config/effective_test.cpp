#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::filesystem::path kGood = std::filesystem::path(PORTIER_TEST_DATA) / "config" / "good";

TEST(effective, loads_to_the_same_configuration) {
    const Host host = test_host({{"HOUSE", "veg"}, {"PROCESSES", "3"}});
    for (const auto& entry : std::filesystem::directory_iterator(kGood)) {
        if (entry.path().extension() != ".yaml") continue;
        const Loaded first = load(entry.path().string(), host);
        ASSERT_TRUE(first.config) << entry.path();
        const ScratchFolder folder;
        const std::string text = effective_yaml(*first.config);
        const Loaded second = load(folder.write("effective.yaml", text), test_host());
        ASSERT_TRUE(second.config) << rendered(second, folder.path()) << text;
        EXPECT_EQ(first.config->handlers, second.config->handlers) << text;
        EXPECT_EQ(first.config->ports, second.config->ports) << text;
        EXPECT_EQ(first.config->admin, second.config->admin) << text;
        EXPECT_EQ(first.config->router, second.config->router) << text;
        EXPECT_EQ(effective_yaml(*second.config), text);
    }
}

TEST(effective, shows_defaults_and_what_is_not_set) {
    const ScratchFolder folder;
    const Loaded loaded = load(folder.write("houses.yaml", good_file()), test_host());
    ASSERT_TRUE(loaded.config);
    const std::string text = effective_yaml(*loaded.config);
    EXPECT_NE(text.find("    processes: 1\n"), std::string::npos);
    EXPECT_NE(text.find("      # memory: as portier itself\n"), std::string::npos);
    EXPECT_NE(text.find("    # accept_rate: no limit\n"), std::string::npos);
    EXPECT_NE(text.find("  drain_timeout: 30s\n"), std::string::npos);
    EXPECT_NE(text.find("    program: \"/usr/bin/sleep\"\n"), std::string::npos);
}

TEST(effective, a_summary_counts_every_number_of_a_range) {
    const ScratchFolder folder;
    const Loaded one = load(folder.write("one.yaml", good_file()), test_host());
    EXPECT_EQ(summary(one.config.value()), "1 port, 1 handler");
    const std::string range =
        "version: 1\nhandlers: {a: {command: [sleep]}, b: {command: [sleep]}}\n"
        "ports: {7001/tcp: a, 8000-8009/tcp: b}\n";
    EXPECT_EQ(summary(load(folder.write("range.yaml", range), test_host()).config.value()), "11 ports, 2 handlers");
}

}  // namespace
}  // namespace portier::config

#include <gtest/gtest.h>

#include "config/drafts.hpp"
#include "config/scratch.hpp"

namespace portier::config {
namespace {

std::vector<Handler> handlers_of(const std::string& text) {
    const ScratchFolder folder;
    const Loaded loaded = load(folder.write("houses.yaml", text), test_host());
    EXPECT_TRUE(loaded.config) << rendered(loaded, folder.path());
    return loaded.config ? loaded.config->handlers : std::vector<Handler>();
}

TEST(handlers, take_over_the_defaults_key_by_key) {
    const auto handlers = handlers_of(
        "version: 1\n"
        "defaults: {handler: {command: [sleep, a], processes: 3, env: {A: a, B: b}, limits: {core: 1KiB, cpu: 5s}}}\n"
        "handlers:\n  one: {}\n  two: {command: [sleep, b], env: {B: c}, limits: {cpu: 6s}}\n"
        "ports: {7001/tcp: one, 7002/tcp: two}\n");
    ASSERT_EQ(handlers.size(), 2U);
    EXPECT_EQ(handlers[0].command[1], "a");
    EXPECT_EQ(handlers[0].processes, 3U);
    EXPECT_EQ(handlers[1].command[1], "b");
    EXPECT_EQ(handlers[1].processes, 3U);
    EXPECT_EQ(handlers[1].env, (std::map<std::string, std::string>{{"A", "a"}, {"B", "c"}}));
    EXPECT_EQ(handlers[1].limits.core, 1024U);
    EXPECT_EQ(handlers[1].limits.cpu, Milliseconds(6000));
}

TEST(handlers, a_default_that_the_delivery_cannot_do_is_left_out) {
    const auto handlers = handlers_of(
        "version: 1\ndefaults: {handler: {balance: source-hash}}\n"
        "handlers: {veg: {command: [sleep], delivery: inherit}, inn: {command: [sleep]}}\n"
        "ports: {7001/tcp: veg, 7002/tcp: inn}\n");
    ASSERT_EQ(handlers.size(), 2U);
    EXPECT_EQ(handlers[0].balance, Balance::round_robin);
    EXPECT_EQ(handlers[1].balance, Balance::source_hash);
}

TEST(handlers, names_are_short_and_plain) {
    for (const char* name : {"a", "A-b_c.9", "7up"})
        EXPECT_EQ(headlines("version: 1\nhandlers: {" + std::string(name) +
                            ": {command: [sleep]}}\nports: {7001/tcp: " + std::string(name) + "}\n"),
                  "")
            << name;
    for (const char* name : {"-a", "a b", "\"\"", "a/b", "\xc3\xa9"})
        EXPECT_NE(headlines("version: 1\nhandlers: {" + std::string(name) + ": {command: [sleep]}}\n")
                      .find("cannot be the name of a handler"),
                  std::string::npos)
            << name;
}

}  // namespace
}  // namespace portier::config

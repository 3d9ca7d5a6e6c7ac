#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

// Each key with its type: numbers, texts, lists and maps as such, what has a unit as it is written, unset as null.
TEST(effective_json, says_every_value) {
    const ScratchFolder folder;
    const char* text =
        "version: 1\nhandlers:\n  veg: {command: [cat, \"cost: $$5\"], env: {A: \"1\"}, processes: 3, stop: {timeout: "
        "1500ms}}\n"
        "ports:\n  7001/tcp: {handler: veg, deny: [10.0.0.0/8], accept_rate: 5/s}\nrouter: {log: {connections: "
        "true}}\n";
    const Loaded loaded = load(folder.write("houses.yaml", text), test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    const auto json = boost::json::parse(effective_json(*loaded.config));
    EXPECT_EQ(json.at("version"), 1);
    const auto& veg = json.at("handlers").at("veg");
    EXPECT_EQ(veg.at("processes"), 3);
    EXPECT_EQ(veg.at("program"), "/usr/bin/cat");
    EXPECT_EQ(veg.at("command"), boost::json::parse(R"(["cat", "cost: $5"])"));
    EXPECT_EQ(veg.at("env"), boost::json::parse(R"({"A": "1"})"));
    EXPECT_EQ(veg.at("stop"), boost::json::parse(R"({"signal": "SIGTERM", "timeout": "1s500ms"})"));
    EXPECT_TRUE(veg.at("limits").at("memory").is_null());
    const auto& port = json.at("ports").at("7001/tcp");
    EXPECT_EQ(port.at("handler"), "veg");
    EXPECT_EQ(port.at("deny"), boost::json::parse(R"(["10.0.0.0/8"])"));
    EXPECT_EQ(port.at("accept_rate"), "5/s");
    EXPECT_EQ(json.at("router").at("log").at("connections"), true);
    EXPECT_EQ(json.at("router").at("drain_timeout"), "30s");
    EXPECT_TRUE(json.at("admin").is_object());
}

}  // namespace
}  // namespace portier::config

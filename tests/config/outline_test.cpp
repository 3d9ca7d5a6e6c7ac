#include "config/outline.hpp"

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

TEST(outline, wants_version_one) {
    EXPECT_NE(headlines("ports: {}\n").find("the version of the file's form is missing"), std::string::npos);
    EXPECT_NE(headlines("version: 2\n").find("version \"2\" is not known"), std::string::npos);
    EXPECT_NE(headlines("version: 01\n").find("version \"01\" is not known"), std::string::npos);
    EXPECT_NE(headlines("version:\n").find("version: has no value"), std::string::npos);
    EXPECT_EQ(headlines("version: 1\nports: {}\n").find("error"), std::string::npos);
}

TEST(outline, ignores_private_keys_everywhere) {
    EXPECT_EQ(headlines("version: 1\nx-a: 1\ndefaults: {x-b: 1, handler: {x-c: 1}, port: {x-d: 1}}\n"
                        "handlers: {x-e: 1, veg: {x-f: 1, command: [sleep], limits: {x-g: 1}, env: {x-h: 1}}}\n"
                        "ports: {x-i: 1, 7001/tcp: {x-j: 1, handler: veg, tcp: {x-k: 1}}}\n"
                        "admin: {x-l: 1}\nrouter: {x-m: 1, log: {x-n: 1}}\n"),
              "");
}

TEST(outline, names_unknown_parts) {
    EXPECT_NE(headlines("version: 1\nhandler: {}\n").find("did you mean \"handlers\"?"), std::string::npos);
    EXPECT_NE(headlines("version: 1\nbacklog: 5\n").find("\"backlog\" is a key of a port"), std::string::npos);
    EXPECT_NE(headlines("version: 1\ndefaults.port: {}\n").find("unknown key"), std::string::npos);
    EXPECT_NE(headlines("version: 1\ndefaults: {router: {}}\n").find("defaults.router: unknown key"),
              std::string::npos);
}

}  // namespace
}  // namespace portier::config

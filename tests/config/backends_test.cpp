#include "config/backends.hpp"

#include <gtest/gtest.h>

#include "config/field_checks.hpp"

namespace portier::config {
namespace {

const Field kConnect{.key = "connect", .kind = Kind::backends, .help = ""};

std::vector<Backend> backends(const std::string& yaml) {
    const auto value = decoded(kConnect, yaml);
    return value ? std::get<std::vector<Backend>>(*value) : std::vector<Backend>();
}

TEST(backends, an_address_is_an_ip_address_a_name_or_a_path) {
    const auto ipv4 = parse_backend("127.0.0.1:6379").value.value();
    EXPECT_EQ(ipv4.text, "127.0.0.1:6379");
    EXPECT_EQ(ipv4.host, "127.0.0.1");
    EXPECT_EQ(ipv4.port, 6379);
    EXPECT_EQ(parse_backend("[0:0::1]:80").value.value().host, "::1");
    EXPECT_EQ(parse_backend("db-1.example.org:5432").value.value().host, "db-1.example.org");
    EXPECT_EQ(parse_backend("localhost:80").value.value().host, "localhost");
    EXPECT_EQ(parse_backend("_x.3com.:80").value.value().host, "_x.3com.");
    const auto path = parse_backend("unix:run/app.sock").value.value();
    EXPECT_EQ(path.path, "run/app.sock");
    EXPECT_TRUE(path.host.empty());
}

TEST(backends, refuses_what_cannot_be_connected_to) {
    for (const char* bad : {"",
                            "6379",
                            ":6379",
                            "*:6379",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:0",
                            "127.0.0.1:65536",
                            "::1:80",
                            "[::1]",
                            "[db]:80",
                            "[fe80::1%eth0]:80",
                            "1.2.3:80",
                            "300.1.1.1:80",
                            "a..b:80",
                            "-a:80",
                            "a b:80",
                            "0.0.0.0:80",
                            "[::]:80",
                            "http://db:80",
                            "/run/app.sock",
                            "unix:",
                            "unix:@name"})
        EXPECT_FALSE(parse_backend(bad).value) << bad;
    EXPECT_FALSE(parse_backend(std::string(64, 'a') + ":80").value);
    EXPECT_TRUE(parse_backend(std::string(63, 'a') + ":80").value);
}

TEST(backends, an_entry_is_a_text_or_a_map) {
    const auto two = backends(
        "[\"127.0.0.1:1\", {address: \"127.0.0.1:2\", weight: 5, backup: true, "
        "max_connections: 7, x-note: old}]");
    ASSERT_EQ(two.size(), 2U);
    EXPECT_EQ(two[0].weight, 1U);
    EXPECT_EQ(two[1].port, 2);
    EXPECT_EQ(two[1].weight, 5U);
    EXPECT_TRUE(two[1].backup);
    EXPECT_EQ(two[1].max_connections, 7U);
}

TEST(backends, one_bad_entry_is_enough) {
    for (const char* bad : {"[127.0.0.1:1, 127.0.0.1]", "[{weight: 1}]", "[{address: 127.0.0.1:1, weight: 257}]",
                            "[{address: 127.0.0.1:1, wieght: 1}, 2]", "[[127.0.0.1:1]]", "[~]", "127.0.0.1:1"})
        EXPECT_TRUE(backends(bad).empty()) << bad;
}

}  // namespace
}  // namespace portier::config

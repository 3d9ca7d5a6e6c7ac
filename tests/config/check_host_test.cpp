#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::string kLow = "version: 1\nhandlers: {veg: {command: [sleep]}}\nports: {80/tcp: veg, 1024/tcp: veg}\n";

TEST(check_host, a_low_port_needs_a_capability) {
    Host host = test_host();
    EXPECT_EQ(headlines(kLow, host), "");
    host.can_bind_low_ports = false;
    EXPECT_EQ(headlines(kLow, host),
              "houses.yaml:3:9: error: ports.80/tcp: port 80 needs CAP_NET_BIND_SERVICE, which portier does not have; "
              "net.ipv4.ip_unprivileged_port_start is 1024\n");
    host.first_unprivileged_port = 80;
    EXPECT_EQ(headlines(kLow, host), "");
}

TEST(check_host, flows_cannot_be_handed_off_at_a_low_port) {
    Host host = test_host();
    const std::string file = "version: 1\nhandlers: {veg: {command: [sleep]}}\nports: {80/udp: veg, 1024/udp: veg}\n";
    EXPECT_EQ(
        headlines(file, host),
        "houses.yaml:3:9: error: ports.80/udp: delivery handoff needs port 80 for the socket of each flow, and the "
        "router, which makes them, has no CAP_NET_BIND_SERVICE; delivery inherit or relay serves it, or lower "
        "net.ipv4.ip_unprivileged_port_start, which is 1024\n");
    host.first_unprivileged_port = 80;
    EXPECT_EQ(headlines(file, host), "");
}

TEST(check_host, a_low_admin_port_needs_it_too) {
    Host host = test_host();
    const std::string text = good_file("", "admin: {listen: 127.0.0.1:81}\n");
    EXPECT_EQ(headlines(text, host), "");
    host.can_bind_low_ports = false;
    EXPECT_NE(headlines(text, host).find("5:17: error: admin.listen: port 81 needs CAP_NET_BIND_SERVICE"),
              std::string::npos);
}

TEST(check_host, the_admin_port_is_not_shown_to_other_machines_by_mistake) {
    for (const char* address : {"0.0.0.0:7000", "\"[::]:7000\"", "10.0.0.1:7000"}) {
        const std::string listen = "admin: {listen: " + std::string(address);
        EXPECT_NE(headlines(good_file("", listen + "}\n")).find("add expose: true"), std::string::npos) << address;
        EXPECT_EQ(headlines(good_file("", listen + ", expose: true}\n")), "") << address;
    }
    for (const char* address : {"127.0.0.1:7000", "127.9.9.9:7000", "\"[::1]:7000\""})
        EXPECT_EQ(headlines(good_file("", "admin: {listen: " + std::string(address) + "}\n")), "") << address;
}

TEST(check_host, the_routers_user_must_exist_when_it_is_needed) {
    const std::string text = good_file("", "router: {user: no-such-user}\n");
    EXPECT_NE(headlines(text).find("there is no user \"no-such-user\""), std::string::npos);
    Host host = test_host();
    host.user = 1000;
    EXPECT_NE(headlines(text, host).find("there is no user"), std::string::npos);
    EXPECT_EQ(headlines(good_file(), host), "");
}

TEST(check_host, a_router_that_stays_root_is_a_warning) {
    const std::string text = good_file("", "router: {user: root}\n");
    EXPECT_NE(headlines(text).find("5:16: warning: router.user: the router, which faces the network, would stay root"),
              std::string::npos);
}

TEST(check_host, the_command_socket_starts_from_the_folder_of_the_file) {
    const ScratchFolder folder;
    const Loaded loaded =
        load(folder.write("houses.yaml", good_file("", "admin: {socket: run/p.sock}\n")), test_host());
    ASSERT_TRUE(loaded.config);
    EXPECT_EQ(loaded.config->admin.socket, (folder / "run/p.sock").string());
    const std::string long_name(100, 'x');
    EXPECT_NE(headlines(good_file("", "admin: {socket: " + long_name + "}\n")).find("that of a Unix socket"),
              std::string::npos);
}

TEST(check_host, addresses_that_need_a_zone_cannot_be_bound) {
    const auto port = [](const std::string& address) {
        return headlines("version: 1\nhandlers: {veg: {command: [sleep]}}\nports: {\"[" + address +
                         "]:7001/tcp\": veg}\n");
    };
    for (const char* address : {"fe80::1", "febf::1", "ff02::1", "ff12::1"})
        EXPECT_NE(port(address).find("means nothing without a zone"), std::string::npos) << address;
    for (const char* address : {"fec0::1", "ff05::1", "2001:db8::1", "::1"}) EXPECT_EQ(port(address), "") << address;
}

TEST(check_host, no_ports_are_a_warning) {
    EXPECT_EQ(headlines("version: 1\n"),
              "houses.yaml: warning: ports: there are no ports, so nobody can come in; as in ports: {7001/tcp: veg}\n");
}

TEST(check_host, a_handler_without_port_is_a_warning) {
    const ScratchFolder folder;
    const Loaded loaded = load(
        folder.write("houses.yaml",
                     "version: 1\nhandlers: {veg: {command: [sleep]}, b: {command: [sleep]}}\nports: {7001/tcp: b}\n"),
        test_host());
    EXPECT_TRUE(loaded.config);
    ASSERT_EQ(loaded.diagnostics.size(), 1U);
    EXPECT_EQ(loaded.diagnostics[0].severity, Severity::warning);
}

TEST(check_host, warns_when_the_ports_let_in_more_than_the_processes_can_hold) {
    const std::string handler =
        "version: 1\nhandlers: {veg: {command: [sleep], processes: 2, limits: {open_files: 100}}}\n";
    EXPECT_EQ(headlines(handler + "ports: {7001/tcp: {handler: veg, max_connections: 200}}\n"), "");
    EXPECT_NE(
        headlines(handler + "ports: {7001/tcp: {handler: veg, max_connections: 201}}\n").find("2 processes x 100"),
        std::string::npos);
}

}  // namespace
}  // namespace portier::config

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

Host plain_user() {
    Host host = test_host();
    host.user = 12345;
    host.can_change_user = false;
    host.can_bind_low_ports = false;
    return host;
}

TEST(check_handler, another_user_or_group_needs_root) {
    EXPECT_EQ(headlines(good_file(", user: nobody, group: nogroup")), "");
    EXPECT_EQ(headlines(good_file(", user: nobody"), plain_user()),
              "houses.yaml:3:33: error: handlers.veg.user: to run as \"nobody\" portier needs root "
              "(CAP_SETUID and CAP_SETGID); it runs as user id 12345\n");
    EXPECT_NE(headlines(good_file(", group: nogroup"), plain_user()).find("needs root (CAP_SETGID)"),
              std::string::npos);
    Host nobody = plain_user();
    nobody.user = 65534;
    EXPECT_EQ(headlines(good_file(", user: nobody"), nobody), "");
}

TEST(check_handler, a_limit_above_the_hard_one_needs_a_capability) {
    Host host = test_host();
    host.hard_limit = [](int) -> std::uint64_t { return 20000; };
    EXPECT_EQ(headlines(good_file(", limits: {open_files: 20000}"), host), "");
    const std::string text = good_file(", limits: {open_files: 20001}");
    EXPECT_EQ(
        headlines(text, host),
        "houses.yaml:3:48: error: handlers.veg.limits.open_files: 20001 is above the hard limit 20000 that portier "
        "itself has; raise that (ulimit -H, LimitNOFILE= and the like) or give portier CAP_SYS_RESOURCE\n");
    EXPECT_NE(headlines(good_file(", limits: {cpu: 10h}"), host).find("36000 is above"), std::string::npos);
    host.can_raise_limits = true;
    EXPECT_EQ(headlines(text, host), "");
}

// fs.nr_open: EPERM for everybody, so the handler would never start.
TEST(check_handler, no_capability_gives_more_files_than_the_kernel_has) {
    Host host = test_host();
    host.can_raise_limits = true;
    host.most_open_files = 5000;
    EXPECT_EQ(headlines(good_file(", limits: {open_files: 5000}"), host), "");
    EXPECT_EQ(headlines(good_file(", limits: {open_files: 5001}"), host),
              "houses.yaml:3:48: error: handlers.veg.limits.open_files: 5001 is more than the kernel gives a process, "
              "5000; fs.nr_open says how many\n");
}

TEST(check_handler, the_working_directory_starts_from_the_files_folder) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "kitchen");
    const std::string file = folder.write("houses.yaml", good_file(", working_directory: kitchen"));
    const Loaded loaded = load(file, test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].working_directory, (folder / "kitchen").string());
    EXPECT_NE(headlines(good_file(", working_directory: houses.yaml")).find("is not a folder"), std::string::npos);
    EXPECT_NE(headlines(good_file(", working_directory: nowhere")).find("No such file"), std::string::npos);
}

TEST(check_handler, times_fit_together) {
    EXPECT_NE(headlines(good_file(", restart: {first: 31s}")).find("longer than the longest one 30s"),
              std::string::npos);
    EXPECT_NE(headlines(good_file(", stop_when_idle: 5s")).find("add start: on_demand"), std::string::npos);
    EXPECT_EQ(headlines(good_file(", stop_when_idle: 5s, start: on_demand")), "");
}

TEST(check_handler, only_connections_make_a_process_idle) {
    const std::string udp = "ports: {7001/tcp: veg, 7001/udp: veg}\n";
    const std::string keys = "delivery: inherit, command: [sleep], start: on_demand";
    EXPECT_EQ(
        headlines("version: 1\nhandlers:\n  veg: {" + keys + ", stop_when_idle: 5s}\n" + udp),
        "houses.yaml:3:80: error: handlers.veg.stop_when_idle: only connections are counted, and 7001/udp has none; "
        "leave it out, or give the udp port a handler of its own\n");
    const ScratchFolder folder;
    const std::string defaults = "defaults: {handler: {stop_when_idle: 5s}}\n";
    const Loaded loaded =
        load(folder.write("houses.yaml", "version: 1\n" + defaults + "handlers: {veg: {" + keys + "}}\n" + udp),
             test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].stop_when_idle, Milliseconds(0));
}

}  // namespace
}  // namespace portier::config

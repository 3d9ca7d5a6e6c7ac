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

// The other refusals: tests/data/config/bad/relay_*.
TEST(check_relay, the_clients_address_needs_a_capability) {
    const std::string text =
        "version: 1\nhandlers: {a: {delivery: relay, connect: [\"127.0.0.1:80\"], transparent: true}}\n"
        "ports: {7001/tcp: a}\n";
    Host host = test_host();
    EXPECT_EQ(headlines(text, host), "");
    host.can_be_transparent = false;
    EXPECT_EQ(headlines(text, host),
              "houses.yaml:2:73: error: handlers.a.transparent: it needs CAP_NET_ADMIN, which portier does not have; "
              "without it the program can learn the client's address from proxy_protocol\n");
}

TEST(check_relay, a_path_may_have_as_many_bytes_as_the_kernel_takes) {
    const auto text = [](std::size_t size) {
        return "version: 1\nhandlers: {a: {delivery: relay, connect: [\"unix:/" + std::string(size - 1, 'x') +
               "\"]}}\nports: {7001/tcp: a}\n";
    };
    EXPECT_EQ(headlines(text(107)), "");
    EXPECT_NE(headlines(text(108)).find("has 108 bytes; that of a Unix socket has at most 107"), std::string::npos);
}

TEST(check_relay, a_queue_that_nobody_enters_is_a_warning) {
    const auto text = [](const std::string& keys, const std::string& connect = "\"127.0.0.1:80\"") {
        return "version: 1\nhandlers: {a: {delivery: relay, connect: [" + connect + "], " + keys +
               "}}\nports: {7001/tcp: a}\n";
    };
    EXPECT_EQ(headlines(text("queue: {max: 5}")),
              "houses.yaml:2:73: warning: handlers.a.queue.max: no address of connect has max_connections, so nobody "
              "has to wait; as in {address: \"127.0.0.1:6379\", max_connections: 100}\n");
    EXPECT_NE(headlines(text("queue: {timeout: 5s}")).find("warning: handlers.a.queue.timeout"), std::string::npos);
    EXPECT_EQ(headlines(text("queue: {max: 0}")), "");
    EXPECT_EQ(headlines(text("queue: {max: 5}, command: [sleep], start: on_demand")), "");
    EXPECT_EQ(headlines(text("queue: {max: 5}", "{address: \"a:1\", max_connections: 3}")), "");
    EXPECT_EQ(headlines(text("attempts: 1") + "defaults: {handler: {queue: {max: 5}}}\n"), "");
}

TEST(check_relay, processes_have_one_address_or_one_each) {
    const auto text = [](const std::string& connect) {
        return "version: 1\nhandlers: {a: {delivery: relay, command: [sleep], processes: 2, connect: [" + connect +
               "]}}\nports: {7001/tcp: a}\n";
    };
    EXPECT_EQ(headlines(text("\"127.0.0.1:80\"")), "");
    EXPECT_EQ(headlines(text("\"127.0.0.1:80\", \"127.0.0.1:81\"")), "");
    EXPECT_NE(headlines(text("\"a:1\", \"a:2\", \"a:3\"")).find("3 addresses for 2 processes"), std::string::npos);
}

TEST(check_relay, a_check_is_over_when_the_next_one_begins) {
    const ScratchFolder folder;
    const Loaded loaded = load(folder.write("houses.yaml",
                                            "version: 1\nhandlers: {a: {delivery: relay, connect: "
                                            "[\"127.0.0.1:80\"], health: {interval: 500ms}}}\n"
                                            "ports: {7001/tcp: a}\n"),
                               test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].health.timeout, Milliseconds(500));
}

}  // namespace
}  // namespace portier::config

#include <gtest/gtest.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

Host host_with_descriptors(std::uint64_t hard) {
    Host host = test_host();
    host.hard_limit = [hard](int resource) { return resource == RLIMIT_NOFILE ? hard : RLIM_INFINITY; };
    return host;
}

const std::string kRange =
    "version: 1\nhandlers: {veg: {delivery: inherit, command: [sleep], processes: 3}}\nports: {20000-20099/";

TEST(check_capacity, sockets_and_processes_have_to_fit_below_the_hard_limit) {
    // 100 numbers, 3 processes with 4 descriptors each, 100 sockets on their way to one process, 64 in reserve.
    EXPECT_EQ(headlines(kRange + "tcp: veg}\n", host_with_descriptors(276)), "");
    EXPECT_EQ(
        headlines(kRange + "tcp: veg}\n", host_with_descriptors(275)),
        "houses.yaml:3:9: error: ports.20000-20099/tcp: portier needs 276 descriptors, but its hard limit of open "
        "files is 275: 100 sockets of ports + 3 processes x 4 + 100 to start a process + 64 in reserve; raise that "
        "(ulimit -H, "
        "LimitNOFILE= and the like); a udp port of delivery inherit has a socket for each process\n");
    EXPECT_EQ(headlines(kRange + "udp: veg}\n", host_with_descriptors(476)), "");
    EXPECT_NE(headlines(kRange + "udp: veg}\n", host_with_descriptors(475)).find("300 sockets of ports"),
              std::string::npos);
    EXPECT_NE(headlines(kRange + "tcp: veg}\nadmin: {listen: 127.0.0.1:7000}\n", host_with_descriptors(276))
                  .find("101 sockets of ports"),
              std::string::npos);
}

TEST(check_capacity, a_process_has_room_for_the_sockets_that_it_is_given) {
    const auto text = [](int open_files) {
        return "version: 1\nhandlers:\n  veg: {delivery: inherit, command: [sleep], processes: 2, limits: "
               "{open_files: " +
               std::to_string(open_files) + "}}\nports: {20000-20099/udp: veg, 20000/tcp: veg}\n";
    };
    EXPECT_EQ(headlines(text(109)), "");
    EXPECT_EQ(headlines(text(108)),
              "houses.yaml:3:81: error: handlers.veg.limits.open_files: 108 open files, but a process is given 101 "
              "sockets and needs 8 more; expected at least 109\n");
}

TEST(check_capacity, the_names_of_the_sockets_fit_into_one_variable) {
    // "20000-27281/udp:" is 16 bytes a socket; 131071 of them hold 8191 and the name of the variable.
    const std::string handlers = "version: 1\nhandlers: {veg: {delivery: inherit, command: [sleep]}}\n";
    EXPECT_EQ(headlines(handlers + "ports: {20000-28190/udp: veg}\n"), "");
    EXPECT_NE(
        headlines(handlers + "ports: {20000-28191/udp: veg}\n").find("one variable (LISTEN_FDNAMES) holds 131071"),
        std::string::npos);
}

TEST(check_capacity, processes_have_a_row_each) {
    std::string handlers = "version: 1\nhandlers:\n", ports = "ports:\n";
    for (int i = 0; i < 16; ++i) {
        const std::string name = "h" + std::to_string(i);
        handlers += "  " + name + ": {command: [sleep], processes: " + (i < 15 ? "1024" : "1023") + "}\n";
        ports += "  " + std::to_string(7001 + i) + "/tcp: " + name + "\n";
    }
    EXPECT_EQ(headlines(handlers + ports), "");
    EXPECT_EQ(
        headlines(handlers + "  one: {command: [sleep]}\n" + ports + "  8000/tcp: one\n"),
        "houses.yaml:19:3: error: handlers.one: with this handler there are 16384 processes; the most are 16383\n");
}

TEST(check_capacity, ports_and_handlers_have_a_row_each) {
    std::string text = "version: 1\nhandlers: {veg: {command: [sleep]}}\nports:\n";
    for (int port = 1; port <= 16384; ++port) text += "  " + std::to_string(port) + "/tcp: veg\n";
    EXPECT_EQ(headlines(text), "");
    EXPECT_EQ(
        headlines(text + "  20000/tcp: veg\n"),
        "houses.yaml:16388:3: error: ports.20000/tcp: 16385 entries in ports; the most are 16384; counters of each "
        "have a fixed place; a range of ports counts as one entry\n");
}

TEST(check_capacity, what_is_spawned_and_flows_count_too) {
    const std::string spawn =
        "version: 1\nhandlers: {git: {delivery: spawn, command: [sleep], max_processes: 100}}\nports: {7001/tcp: "
        "git}\n";
    EXPECT_EQ(headlines(spawn, host_with_descriptors(165)), "");
    EXPECT_NE(headlines(spawn, host_with_descriptors(164)).find("100 for max_processes + 0 to start a process"),
              std::string::npos);
    const std::string relay =
        "version: 1\nhandlers: {a: {delivery: relay, connect: [\"10.0.0.1:53\"]}}\nports: {7001/udp: a}\n";
    EXPECT_EQ(headlines(relay, host_with_descriptors(67)), "");
    EXPECT_NE(headlines(relay, host_with_descriptors(66)).find("3 sockets of ports"), std::string::npos);
}

TEST(check_capacity, warns_of_more_relayed_connections_than_descriptors) {
    const auto text = [](int connections) {
        return "version: 1\nhandlers: {a: {delivery: relay, connect: [\"10.0.0.1:53\"]}}\nports: {7001/tcp: {handler: "
               "a, "
               "max_connections: " +
               std::to_string(connections) + "}}\n";
    };
    EXPECT_EQ(headlines(text(468), host_with_descriptors(1000)), "");
    EXPECT_EQ(headlines(text(469), host_with_descriptors(1000)),
              "houses.yaml:3:49: warning: ports.7001/tcp.max_connections: 469 relayed connections x 2 + 64 in reserve "
              "are more descriptors than the hard limit of open files, 1000; lower max_connections, or raise the limit "
              "(ulimit -H, LimitNOFILE= and the like)\n");
}

TEST(check_capacity, addresses_have_a_row_each) {
    std::string connect;
    for (int i = 0; i < 16384; ++i) connect += "      - a:" + std::to_string(i + 1) + "\n";
    const std::string head = "version: 1\nports: {1/udp: a}\nhandlers:\n  a:\n    delivery: relay\n    connect:\n";
    EXPECT_EQ(headlines(head + connect), "");
    EXPECT_NE(headlines(head + connect + "      - a:20000\n").find("16385 addresses to connect to; the most are 16384"),
              std::string::npos);
}

}  // namespace
}  // namespace portier::config

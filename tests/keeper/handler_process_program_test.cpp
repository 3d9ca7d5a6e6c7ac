// What a handler's program finds when it starts: descriptors, environment, identity, limits.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>

#include "keeper/handler_process_case.hpp"

namespace portier::keeper {

namespace {

using HandlerProgramTest = HandlerProcessTest;

}  // namespace

// An `inherit` process gets its sockets from 3 on, as systemd gives them, and nothing else of ours.
TEST_F(HandlerProgramTest, InheritGetsItsSockets) {
    const auto socket = [] { return std::make_shared<OpenSocket>(1, test::listen_somewhere()); };
    ProcessSetup setup{.handler = shell_handler("veg", kStays),
                       .slot = 4,
                       .sockets = {{socket(), "7001/tcp"}, {socket(), "[::1]:9418/tcp"}}};
    setup.handler.env = {{"MENU", "veg"}, {"LANG", "tlh"}};
    const std::vector<InheritedSocket> sockets = setup.sockets;
    const auto process = start(std::move(setup));
    ASSERT_TRUE(run_until([&] { return test::proc_file(process->pid(), "comm") == "sleep\n"; }));

    auto environment = environment_of_handler(process->pid());
    EXPECT_EQ(environment["LISTEN_FDS"], "2");
    EXPECT_EQ(environment["LISTEN_FDNAMES"], "7001/tcp:[__1]_9418/tcp") << "a colon separates the names";
    EXPECT_EQ(environment["LISTEN_PID"], std::to_string(process->pid()));
    EXPECT_EQ(environment["PORTIER_HANDLER"], "veg");
    EXPECT_EQ(environment["PORTIER_PROCESS"], "4");
    EXPECT_EQ(environment["MENU"], "veg");
    EXPECT_EQ(environment["LANG"], "tlh") << "the handler's own wins";
    EXPECT_FALSE(environment["PATH"].empty());
    EXPECT_FALSE(environment.contains("PORTIER_FD"));
    EXPECT_FALSE(environment.contains("WATCHDOG_USEC"));

    const std::map<int, std::string> wanted{{3, test::target_of(sockets[0].socket->fd.get())},
                                            {4, test::target_of(sockets[1].socket->fd.get())}};
    std::map<int, std::string> descriptors;
    // The dynamic linker opens libraries for a moment.
    test::eventually([&] { return (descriptors = test::open_descriptors(process->pid())).size() == 5; });
    EXPECT_EQ(descriptors[0], "/dev/null");
    EXPECT_EQ(descriptors[1].substr(0, 6), "pipe:[");
    EXPECT_EQ(descriptors[1], descriptors[2]);
    for (const int standard : {0, 1, 2}) descriptors.erase(standard);
    EXPECT_EQ(descriptors, wanted);
}

// A process of inetd-wait has its socket as standard input, output and error, and nothing else; it blocks, whoever had
// the socket before.
TEST_F(HandlerProgramTest, InetdWaitGetsItsSocket) {
    const auto socket = std::make_shared<OpenSocket>(1, test::listen_somewhere());
    ::fcntl(socket->fd.get(), F_SETFL, O_NONBLOCK);
    ProcessSetup setup{.handler = shell_handler("veg", kStays), .slot = 1, .sockets = {{socket, "7001/tcp"}}};
    setup.handler.delivery = config::Delivery::spawn;
    setup.handler.style = config::Style::inetd_wait;
    const auto process = start(std::move(setup));
    ASSERT_TRUE(run_until([&] { return test::proc_file(process->pid(), "comm") == "sleep\n"; }));
    std::map<int, std::string> descriptors;
    test::eventually([&] { return (descriptors = test::open_descriptors(process->pid())).size() == 3; });
    const std::string target = test::target_of(socket->fd.get());
    EXPECT_EQ(descriptors, (std::map<int, std::string>{{0, target}, {1, target}, {2, target}}));
    EXPECT_FALSE(::fcntl(socket->fd.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_FALSE(environment_of_handler(process->pid()).contains("LISTEN_FDS"));
}

// A `handoff` process gets its channel at 3, of which we keep the other end.
TEST_F(HandlerProgramTest, HandoffGetsItsChannel) {
    ::setenv("PORTIER_TEST_SECRET", "ours", 1);
    const auto process = start(ProcessSetup{.handler = shell_handler("veg", "sleep 1000 <&3"), .channel_number = 8});
    auto environment = environment_of_handler(process->pid());
    EXPECT_EQ(environment["PORTIER_FD"], "3");
    EXPECT_FALSE(environment.contains("LISTEN_FDS"));
    EXPECT_FALSE(environment.contains("LISTEN_PID"));
    EXPECT_FALSE(environment.contains("PORTIER_TEST_SECRET"));
    const auto descriptors = test::open_descriptors(process->pid());
    ASSERT_TRUE(descriptors.contains(3));
    EXPECT_EQ(descriptors.at(3).substr(0, 8), "socket:[");
    EXPECT_GE(process->process->channel(), 0);
    EXPECT_EQ(process->process->channel_number(), 8u);
}

// The other dialects get a stream at 3, and only what the program itself looks for.
TEST_F(HandlerProgramTest, DialectsGetTheirChannel) {
    for (const config::Dialect dialect : {config::Dialect::node, config::Dialect::haproxy}) {
        ProcessSetup setup{.handler = shell_handler("veg", "sleep 1000 <&3"), .channel_number = 8};
        setup.handler.dialect = dialect;
        const auto process = start(std::move(setup));
        auto environment = environment_of_handler(process->pid());
        EXPECT_FALSE(environment.contains("PORTIER_FD"));
        EXPECT_EQ(environment.contains("NODE_CHANNEL_FD"), dialect == config::Dialect::node);
        if (dialect == config::Dialect::node) {
            EXPECT_EQ(environment["NODE_CHANNEL_FD"], "3");
            EXPECT_EQ(environment["NODE_CHANNEL_SERIALIZATION_MODE"], "json");
        }
        int type = 0;
        socklen_t size = sizeof type;
        ASSERT_EQ(::getsockopt(process->process->channel(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
        EXPECT_EQ(type, SOCK_STREAM);
    }
}

// A channel that closes tells haproxy nothing; its word for a graceful end is a signal.
TEST_F(HandlerProgramTest, HaproxyIsDrainedByASignal) {
    ProcessSetup setup{.handler = shell_handler("veg", kStays), .channel_number = 8};
    setup.handler.dialect = config::Dialect::haproxy;
    const auto process = start(std::move(setup));
    process->process->drain(milliseconds(3'600'000));
    ASSERT_TRUE(run_until_ended(*process));
    EXPECT_EQ(process->ends[0].text, "signal SIGUSR1");
}

// Limits and working directory are the handler's.
TEST_F(HandlerProgramTest, GetsLimitsAndPlace) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.working_directory = std::filesystem::canonical("/usr").string();
    handler.limits = {.open_files = 123, .core = 0, .cpu = milliseconds(1500)};
    const auto process = start(handler);
    const auto limit = [&](__rlimit_resource resource) {
        rlimit value{};
        ::prlimit(process->pid(), resource, nullptr, &value);
        return value.rlim_cur;
    };
    EXPECT_EQ(limit(RLIMIT_NOFILE), 123u);
    EXPECT_EQ(limit(RLIMIT_CORE), 0u);
    EXPECT_EQ(limit(RLIMIT_CPU), 2u) << "whole seconds, never less than asked for";
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(process->pid()) + "/cwd"),
              handler.working_directory);
}

// As root the process becomes the handler's user; without root it does not start, rather than run as somebody else.
TEST_F(HandlerProgramTest, BecomesTheUserOrRefuses) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.user = "daemon";
    if (::geteuid() != 0) {
        EXPECT_EQ(failure_of(handler), "handler veg: setgroups: Operation not permitted");
        return;
    }
    const auto process = start(handler);
    EXPECT_EQ(test::status_field(process->pid(), "Uid"), "1\t1\t1\t1");
    // Another user's environment is root's to read.
    auto environment = environment_of_handler(process->pid());
    EXPECT_EQ(environment["USER"], "daemon");
    EXPECT_EQ(environment["LOGNAME"], "daemon");
    EXPECT_EQ(environment["HOME"], "/usr/sbin");
}

// A group without a user is portier's own user with that group.
TEST_F(HandlerProgramTest, TakesAGroupWithoutAUser) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.group = "daemon";
    if (::geteuid() != 0) {
        EXPECT_EQ(failure_of(handler), "handler veg: setgroups: Operation not permitted");
        return;
    }
    const auto process = start(handler);
    EXPECT_EQ(test::status_field(process->pid(), "Uid"), "0\t0\t0\t0");
    EXPECT_EQ(test::status_field(process->pid(), "Gid"), "1\t1\t1\t1");
    EXPECT_FALSE(environment_of_handler(process->pid()).contains("USER"));
}

// What cannot start says why and leaves nothing behind.
TEST_F(HandlerProgramTest, FailedStartLeavesNothing) {
    config::Handler handler = shell_handler("veg", kStays);
    handler.program = "/no/such";
    failure_of(handler);  // opens what the event loop keeps
    const auto before = test::open_descriptors(::getpid());
    EXPECT_EQ(failure_of(handler), "handler veg: exec /no/such: No such file or directory");
    handler = shell_handler("veg", kStays);
    handler.user = "no-such-user";
    EXPECT_EQ(failure_of(handler), "handler veg: user no-such-user is gone: Invalid argument");
    EXPECT_EQ(test::open_descriptors(::getpid()).size(), before.size());
}

}  // namespace portier::keeper

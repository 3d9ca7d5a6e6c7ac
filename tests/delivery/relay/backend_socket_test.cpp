#include "delivery/relay/backend_socket.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/udp.hpp"
#include "support/wait.hpp"

namespace portier::delivery {

namespace {

using test::eventually;
using test::UdpSocket;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string next(const UdpSocket& socket) {
    std::optional<test::Letter> letter;
    EXPECT_TRUE(eventually([&] { return (letter = socket.receive()).has_value(); }));
    return letter ? letter->bytes : "nothing";
}

TEST(BackendSocket, BelongsToItsBackend) {
    const UdpSocket backend, stranger;
    const BackendSocket flow = open_backend_socket({.backend = backend.endpoint()});
    ASSERT_FALSE(flow.error);
    EXPECT_TRUE(send_by_backend_socket(flow.socket.get(), bytes_of("> "), bytes_of("hello")).sent);
    EXPECT_EQ(next(backend), "> hello");
    stranger.send("from somebody else", {*net::parse_address("127.0.0.1"), flow.port});
    char byte;
    EXPECT_LT(::recv(flow.socket.get(), &byte, 1, 0), 0);
}

TEST(BackendSocket, ComesBackAsItWas) {
    const UdpSocket backend;
    std::uint16_t port = 0;
    for (const char* source : {"", "127.0.0.5"}) {
        BackendSocketPlan plan{.backend = backend.endpoint()};
        if (*source) plan.source = *net::parse_address(source);
        {
            const BackendSocket before = open_backend_socket(plan);
            ASSERT_FALSE(before.error);
            port = before.port;
        }
        plan.port = port;
        const BackendSocket after = open_backend_socket(plan);
        ASSERT_FALSE(after.error) << after.error.message();
        EXPECT_EQ(after.port, port);
        EXPECT_EQ(net::local_endpoint(after.socket.get()).port, port);
        if (*source) {
            EXPECT_EQ(net::to_string(net::local_endpoint(after.socket.get()).address), source);
        }
        EXPECT_EQ(open_backend_socket(plan).error, std::errc::address_in_use);
    }
}

// Where no backend is the kernel would connect the socket to itself, if it happens to get that port.
TEST(BackendSocket, IsNotItsOwnBackend) {
    std::uint16_t nobody = 0;
    {
        const UdpSocket gone;
        nobody = gone.endpoint().port;
    }
    const net::Address here = *net::parse_address("127.0.0.1");
    EXPECT_EQ(open_backend_socket({.backend = {here, nobody}, .source = here, .port = nobody}).error,
              std::errc::connection_refused);
}

TEST(BackendSocket, OfIPv6TakesNoIPv4Source) {
    const UdpSocket backend("::1");
    const BackendSocket flow =
        open_backend_socket({.backend = backend.endpoint(), .source = *net::parse_address("127.0.0.5")});
    EXPECT_FALSE(flow.error);
    EXPECT_EQ(net::to_string(net::local_endpoint(flow.socket.get()).address), "::1");
}

TEST(BackendSocket, AnOldErrorDoesNotEatTheNextDatagram) {
    auto backend = std::make_unique<UdpSocket>();
    const net::Endpoint endpoint = backend->endpoint();
    const BackendSocket flow = open_backend_socket({.backend = endpoint});
    backend.reset();
    EXPECT_TRUE(send_by_backend_socket(flow.socket.get(), {}, bytes_of("lost")).sent);
    backend = std::make_unique<UdpSocket>("127.0.0.1", endpoint.port);
    const BackendSocketSend sent = send_by_backend_socket(flow.socket.get(), {}, bytes_of("kept"));
    EXPECT_TRUE(sent.sent);
    EXPECT_EQ(sent.error, std::errc::connection_refused) << "somebody wants to know";
    EXPECT_EQ(next(*backend), "kept");
    EXPECT_FALSE(send_by_backend_socket(flow.socket.get(), {}, bytes_of("more")).error);
}

TEST(BackendSocket, LeavesDescriptorsForOthers) {
    const UdpSocket backend;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const auto used = static_cast<rlim_t>(Fd(::dup(0)).get());
    rlimit few = before;
    few.rlim_cur = used + used / 4 + 2;  // three quarters of them are just used up
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::vector<BackendSocket> flows;
    do flows.push_back(open_backend_socket({.backend = backend.endpoint()}));
    while (!flows.back().error && flows.size() < 1000);
    const Fd other(::dup(0));
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(flows.back().error, std::errc::too_many_files_open);
    EXPECT_TRUE(other);
}

}  // namespace

}  // namespace portier::delivery

// Datagrams over real UDP sockets, IPv4 and dual-stack IPv6.
#include "sdk/datagrams.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <string>

#include "net/endpoint.hpp"

namespace portier::sdk {
namespace {

net::Endpoint local_of(const Fd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    return net::from_sockaddr(storage);
}

// A UDP socket bound to a free port of every address.
Fd bound_everywhere(int family) {
    Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int off = 0;
    if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_storage any{};
    any.ss_family = static_cast<sa_family_t>(family);
    const socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), size), 0);
    return socket;
}

// A client that takes datagrams from this address only.
Fd client_of(const char* address, std::uint16_t port) {
    sockaddr_storage storage{};
    const socklen_t size = net::to_sockaddr({*net::parse_address(address), port}, storage);
    Fd socket(::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
    return socket;
}

std::optional<std::string> heard(const Fd& client) {
    pollfd readable{client.get(), POLLIN, 0};
    if (::poll(&readable, 1, 30'000) != 1) return std::nullopt;
    std::string text(65536, '\0');
    const ssize_t size = ::recv(client.get(), text.data(), text.size(), 0);
    if (size < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::string_view> same(std::string_view datagram) {
    return datagram;
}

TEST(Datagrams, TheReplyComesFromTheAddressThatWasAsked) {
    for (const int family : {AF_INET, AF_INET6}) {
        Datagrams datagrams(bound_everywhere(family));
        const auto port = local_of(Fd(::dup(datagrams.fd()))).port;
        for (const char* address : {"127.0.0.1", "127.0.0.77"}) {
            const Fd client = client_of(address, port);
            ASSERT_EQ(::send(client.get(), "who", 3, 0), 3);
            datagrams.serve(same);
            EXPECT_EQ(heard(client), "who") << address << " family " << family;
        }
    }
}

TEST(Datagrams, OneReplyForEachInOrder) {
    Datagrams datagrams(bound_everywhere(AF_INET));
    const Fd client = client_of("127.0.0.1", local_of(Fd(::dup(datagrams.fd()))).port);
    constexpr int kCount = 100;
    for (int i = 0; i < kCount; ++i) {
        const std::string text = std::to_string(i);
        ASSERT_EQ(::send(client.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::string reply;  // reused, as a program would
    datagrams.serve([&](std::string_view datagram) -> std::optional<std::string_view> {
        if (datagram == "50") return std::nullopt;
        reply = "re: " + std::string(datagram);
        return reply;
    });
    for (int i = 0; i < kCount; ++i) {
        if (i == 50) continue;
        EXPECT_EQ(heard(client), "re: " + std::to_string(i));
    }
}

TEST(Datagrams, EmptyAndLargeOnesPass) {
    Datagrams datagrams(bound_everywhere(AF_INET));
    const Fd client = client_of("127.0.0.1", local_of(Fd(::dup(datagrams.fd()))).port);
    for (const std::size_t size : {0, 1, 1472, 65507}) {
        const std::string text(size, 'x');
        ASSERT_EQ(::send(client.get(), text.data(), size, 0), static_cast<ssize_t>(size));
        datagrams.serve(same);
        EXPECT_EQ(heard(client), text);
    }
}

TEST(Datagrams, AClientThatIsGoneDisturbsNobody) {
    Datagrams datagrams(bound_everywhere(AF_INET));
    const auto port = local_of(Fd(::dup(datagrams.fd()))).port;
    {
        const Fd gone = client_of("127.0.0.1", port);
        ASSERT_EQ(::send(gone.get(), "1", 1, 0), 1);
    }
    const Fd client = client_of("127.0.0.1", port);
    ASSERT_EQ(::send(client.get(), "2", 1, 0), 1);
    datagrams.serve(same);
    EXPECT_EQ(heard(client), "2");
}

}  // namespace
}  // namespace portier::sdk

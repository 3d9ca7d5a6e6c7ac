#include "net/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include "net/proxy_vectors.hpp"

namespace portier::net {

namespace {

using State = ProxyHeader::State;

std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string text(const std::vector<std::byte>& raw) {
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

Endpoint endpoint(const char* address, std::uint16_t port) {
    return {parse_address(address).value(), port};
}

// As the table of vectors writes it.
std::string describe(const ProxyHeader& header) {
    if (header.state != State::complete) return header.state == State::malformed ? "malformed" : "incomplete";
    if (!header.addresses) return "none";
    return std::string(header.addresses->protocol == IPPROTO_UDP ? "udp " : "tcp ") +
           to_string(header.addresses->source) + " > " + to_string(header.addresses->destination);
}

void expect_parts_to_wait(const ProxyVector& vector) {
    for (std::size_t size = 0; size < vector.header; ++size) {
        const ProxyHeader part = parse_proxy(bytes(vector.bytes).first(size));
        ASSERT_EQ(part.state, State::incomplete) << vector.what << " at " << size;
        ASSERT_GT(part.size, size) << vector.what;
        ASSERT_LE(part.size, vector.header) << vector.what << " at " << size;
    }
}

// Nothing that is wrong is ever taken for a header on the way, and once it is wrong it stays so.
void expect_parts_to_fail(const ProxyVector& vector) {
    bool failed = false;
    for (std::size_t size = 0; size <= vector.bytes.size(); ++size) {
        const ProxyHeader part = parse_proxy(bytes(vector.bytes).first(size));
        ASSERT_EQ(part.state, failed || part.state == State::malformed ? State::malformed : State::incomplete)
            << vector.what << " at " << size;
        failed = part.state == State::malformed;
        ASSERT_EQ(failed, part.reason[0] != '\0') << vector.what;
    }
}

}  // namespace

// Each vector gives what the table says, whole and split at every byte, and a header ends where it ends.
TEST(ProxyProtocol, DoesAsTheVectorsSay) {
    const auto vectors = read_proxy_vectors(PORTIER_PROXY_VECTORS);
    EXPECT_GE(vectors.size(), 250u);
    for (const ProxyVector& vector : vectors) {
        const ProxyHeader header = parse_proxy(bytes(vector.bytes));
        ASSERT_EQ(describe(header), vector.expected) << vector.what << ": " << header.reason;
        if (header.state == State::malformed) {
            expect_parts_to_fail(vector);
        } else {
            ASSERT_EQ(header.size, vector.header) << vector.what;
            expect_parts_to_wait(vector);
        }
    }
}

// Version 1 as others read it: families mix as IPv6, and UDP has no word.
TEST(ProxyProtocol, WritesVersion1) {
    const auto written = [](const char* source, const char* destination, std::uint8_t protocol = IPPROTO_TCP) {
        return text(encode_proxy_v1({protocol, endpoint(source, 56324), endpoint(destination, 443)}));
    };
    EXPECT_EQ(written("192.168.0.1", "192.168.0.11"), "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    EXPECT_EQ(written("2001:db8::1", "::1"), "PROXY TCP6 2001:db8::1 ::1 56324 443\r\n");
    EXPECT_EQ(written("192.168.0.1", "::1"), "PROXY TCP6 ::ffff:192.168.0.1 ::1 56324 443\r\n");
    EXPECT_EQ(written("::1", "192.168.0.1"), "PROXY TCP6 ::1 ::ffff:192.168.0.1 56324 443\r\n");
    EXPECT_EQ(written("192.168.0.1", "192.168.0.11", IPPROTO_UDP), "PROXY UNKNOWN\r\n");
}

// Version 2, byte by byte.
TEST(ProxyProtocol, WritesVersion2) {
    const ProxyAddresses four{IPPROTO_TCP, endpoint("10.1.2.3", 40000), endpoint("10.4.5.6", 443)};
    const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
    EXPECT_EQ(text(encode_proxy_v2(four)),
              signature + std::string("\x21\x11\x00\x0c\x0a\x01\x02\x03\x0a\x04\x05\x06\x9c\x40\x01\xbb", 16));
    const std::string id = "ab";
    EXPECT_EQ(text(encode_proxy_v2(four, bytes(id))),
              signature + std::string("\x21\x11\x00\x11\x0a\x01\x02\x03\x0a\x04\x05\x06\x9c\x40\x01\xbb\x05\x00\x02"
                                      "ab",
                                      21));
}

// What is written is read again, whatever the families, the protocol and the identifier.
TEST(ProxyProtocol, ReadsWhatItWrites) {
    const Endpoint ends[]{endpoint("10.1.2.3", 1), endpoint("2001:db8::1", 65535), endpoint("::", 0)};
    for (const std::uint8_t protocol : {std::uint8_t{IPPROTO_TCP}, std::uint8_t{IPPROTO_UDP}}) {
        for (const Endpoint& source : ends) {
            for (const Endpoint& destination : ends) {
                const ProxyAddresses addresses{protocol, source, destination};
                for (const std::size_t id : {0, 1, 128, 200}) {
                    const auto v2 = encode_proxy_v2(addresses, std::vector<std::byte>(id));
                    const ProxyHeader header = parse_proxy(v2);
                    ASSERT_EQ(header.state, State::complete) << header.reason;
                    EXPECT_EQ(header.addresses, addresses);
                    EXPECT_EQ(header.size, v2.size());
                }
                const auto v1 = encode_proxy_v1(addresses);
                const ProxyHeader header = parse_proxy(v1);
                ASSERT_EQ(header.state, State::complete) << header.reason;
                EXPECT_EQ(header.addresses, protocol == IPPROTO_TCP ? std::optional(addresses) : std::nullopt);
                EXPECT_EQ(header.size, v1.size());
            }
        }
    }
}

}  // namespace portier::net

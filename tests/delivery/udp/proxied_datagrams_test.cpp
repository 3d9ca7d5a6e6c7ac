#include "delivery/udp/proxied_datagrams.hpp"

#include <gtest/gtest.h>

#include "net/proxy_protocol.hpp"

namespace portier::delivery {

namespace {

net::Endpoint endpoint(const char* address, std::uint16_t port) {
    return {*net::parse_address(address), port};
}

const net::Endpoint kProxy = endpoint("10.0.0.1", 1000);
const net::Endpoint kClient = endpoint("192.0.2.7", 4000);
const net::Endpoint kAsked = endpoint("127.0.0.9", 53);
const net::Endpoint kDestination = endpoint("203.0.113.1", 53);

net::Datagram datagram(const std::vector<std::byte>& bytes) {
    return {kProxy, kAsked.address, 0, bytes};
}

std::vector<std::byte> with_header(const net::ProxyAddresses& addresses, std::size_t more) {
    auto bytes = net::encode_proxy_v2(addresses);
    bytes.resize(bytes.size() + more, std::byte{'x'});
    return bytes;
}

TEST(ProxiedDatagrams, WithoutAProxyTheSenderIsTheClient) {
    const std::vector<std::byte> bytes(5);
    const auto read = read_datagram(datagram(bytes), kAsked, false);
    ASSERT_TRUE(read);
    EXPECT_EQ(unpack(read->key.sender), kProxy);
    EXPECT_EQ(unpack(read->key.client), kProxy);
    EXPECT_EQ(unpack(read->key.asked), kAsked);
    EXPECT_EQ(unpack(read->key.destination), kAsked);
    EXPECT_EQ(read->bytes.size(), 5u);
}

TEST(ProxiedDatagrams, TheHeaderTellsTheTrueClient) {
    const auto bytes = with_header({IPPROTO_UDP, kClient, kDestination}, 3);
    const auto read = read_datagram(datagram(bytes), kAsked, true);
    ASSERT_TRUE(read);
    EXPECT_EQ(unpack(read->key.sender), kProxy) << "who gets the replies";
    EXPECT_EQ(unpack(read->key.client), kClient);
    EXPECT_EQ(unpack(read->key.destination), kDestination);
    EXPECT_EQ(unpack(read->key.asked), kAsked);
    EXPECT_EQ(read->bytes.size(), 3u);
}

TEST(ProxiedDatagrams, AnEmptyOneMayHaveAHeaderToo) {
    const auto bytes = with_header({IPPROTO_UDP, kClient, kDestination}, 0);
    const auto read = read_datagram(datagram(bytes), kAsked, true);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->bytes.empty());
}

TEST(ProxiedDatagrams, WhatIsNoHeaderOfADatagramIsRefused) {
    const auto refused = [](const std::vector<std::byte>& bytes) {
        return !read_datagram(datagram(bytes), kAsked, true);
    };
    EXPECT_TRUE(refused({}));
    EXPECT_TRUE(refused(std::vector<std::byte>(100)));
    EXPECT_TRUE(refused(with_header({IPPROTO_TCP, kClient, kDestination}, 3))) << "of a connection";
    EXPECT_TRUE(refused(net::encode_proxy_v1({IPPROTO_TCP, kClient, kDestination}))) << "version 1 is for streams";
    auto cut = with_header({IPPROTO_UDP, kClient, kDestination}, 0);
    cut.pop_back();
    EXPECT_TRUE(refused(cut));
}

TEST(ProxyPrefixes, BelongToTheFlow) {
    ProxyPrefixes prefixes;
    prefixes.resize(2);
    const PackedEndpoint client = pack(kClient), destination = pack(kDestination);
    const FlowKey key{pack(kProxy), destination, client, destination};
    const auto expected = net::encode_proxy_v2({IPPROTO_UDP, kClient, kDestination});
    for (int again = 0; again < 2; ++again) {
        const auto prefix = prefixes.of(1, key, 77);
        EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), expected.begin(), expected.end()));
    }
    FlowKey other = key;
    other.client = pack(endpoint("2001:db8::1", 4000));
    EXPECT_EQ(prefixes.of(1, other, 78).size(), 52u) << "the place has another flow now";
}

}  // namespace

}  // namespace portier::delivery

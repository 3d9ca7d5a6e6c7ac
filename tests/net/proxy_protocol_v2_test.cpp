// The binary version by chance; that it does as the specification says is in proxy_protocol_test.
#include "net/proxy_protocol_v2.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace portier::net {

// A header with some bytes changed is right, wrong or unfinished, but never longer than what it says of itself, and
// never read beyond its end (under the sanitizers).
TEST(ProxyProtocolV2, StaysWithinItsBounds) {
    test::Random random;
    const ProxyAddresses addresses{IPPROTO_TCP, {Address{6, {}}, 1}, {Address{6, {}}, 2}};
    for (int round = 0; round < 20000; ++round) {
        auto header = encode_proxy_v2(addresses, std::vector<std::byte>(random.between(0, 7)));
        header.resize(header.size() + random.between(0, 15), std::byte{0});
        for (int change = static_cast<int>(random.between(0, 3)); change > 0; --change)
            header[random.between(12, header.size() - 1)] = static_cast<std::byte>(random());
        const std::vector<std::byte> exact(header.begin(), header.end());
        const ProxyHeader parsed = parse_proxy_v2(exact);
        if (parsed.state == ProxyHeader::State::complete) {
            ASSERT_GE(parsed.size, kProxyV2Fixed);
            ASSERT_LE(parsed.size, exact.size());
        }
        if (parsed.state == ProxyHeader::State::incomplete) {
            ASSERT_GT(parsed.size, exact.size());
            ASSERT_LE(parsed.size, kMaxProxyV2);
        }
    }
}

}  // namespace portier::net

// parse_proxy() on what anybody may send: whole, and in two pieces.
#include "net/proxy_protocol.hpp"

#include "require.hpp"

using portier::net::encode_proxy_v2;
using portier::net::parse_proxy;
using portier::net::ProxyHeader;
using State = portier::net::ProxyHeader::State;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto seen = std::as_bytes(std::span(data, size));
    const ProxyHeader whole = parse_proxy(seen);
    if (whole.state == State::incomplete) REQUIRE(whole.size > size && whole.size <= portier::net::kMaxProxyV2);
    if (whole.state == State::malformed) REQUIRE(*whole.reason != '\0');
    if (whole.state == State::complete) {
        REQUIRE(whole.size <= size);
        REQUIRE(parse_proxy(seen.first(whole.size)).addresses == whole.addresses);
        if (whole.addresses) REQUIRE(parse_proxy(encode_proxy_v2(*whole.addresses)).addresses == whole.addresses);
    }
    if (size == 0) return 0;
    // A part is unfinished as long as the whole is no longer than it, and never something else than the whole.
    const std::size_t cut = data[size - 1] % size;
    const ProxyHeader part = parse_proxy(seen.first(cut));
    if (part.state == State::malformed) REQUIRE(whole.state == State::malformed);
    if (part.state == State::complete) REQUIRE(whole.state == State::complete && part.size == whole.size);
    if (whole.state == State::complete && cut < whole.size)
        REQUIRE(part.state == State::incomplete && part.size <= whole.size);
    return 0;
}

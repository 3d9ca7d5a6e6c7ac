#include "net/handoff_wire.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "support/random.hpp"

namespace portier::net {

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
    Bytes result;
    for (const int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
}

Bytes encode(HandoffType type, const std::vector<Door>& doors = {}) {
    Bytes out;
    encode_header(out, type, static_cast<std::uint16_t>(doors.size()));
    for (const Door& door : doors) encode_door(out, door);
    return out;
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::ranges::equal(a, b);
}

// Doors with every field random; the datagrams live in `store`.
std::vector<Door> random_doors(test::Random& random, std::vector<Bytes>& store) {
    store.clear();
    store.reserve(kMaxDoors * 4);
    std::vector<Door> doors(random.between(1, kMaxDoors));
    for (Door& door : doors) {
        door.id = random();
        door.protocol = random.between(0, 1) ? 6 : 17;
        for (Endpoint* endpoint : {&door.local, &door.remote}) {
            const bool ipv4 = random.between(0, 1);  // a PROXY header may tell ends of two families
            endpoint->address.family = ipv4 ? 4 : 6;
            for (std::size_t i = 0; i < (ipv4 ? 4u : 16u); ++i)
                endpoint->address.bytes[i] = static_cast<std::uint8_t>(random());
            endpoint->port = static_cast<std::uint16_t>(random());
        }
        for (std::uint64_t count = random.between(0, 3); count > 0; --count) {
            Bytes& datagram = store.emplace_back(random.between(0, 300));
            for (std::byte& byte : datagram) byte = static_cast<std::byte>(random());
            door.datagrams.emplace_back(datagram);
        }
    }
    return doors;
}

void expect_same(const Door& got, const Door& wanted) {
    EXPECT_EQ(got.id, wanted.id);
    EXPECT_EQ(got.protocol, wanted.protocol);
    EXPECT_EQ(got.local, wanted.local);
    EXPECT_EQ(got.remote, wanted.remote);
    ASSERT_EQ(got.datagrams.size(), wanted.datagrams.size());
    for (std::size_t i = 0; i < got.datagrams.size(); ++i)
        EXPECT_TRUE(same_bytes(got.datagrams[i], wanted.datagrams[i]));
}

}  // namespace

// The bytes are those of handlers/README.md, so a handler written from that page alone understands them.
TEST(HandoffWire, IsAsDocumented) {
    EXPECT_EQ(encode(HandoffType::drain), bytes({1, 4, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(encode(HandoffType::stopping), bytes({1, 5, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(encode_taken(0x0102030405060708), bytes({1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(encode_credit(0xa0b0c0d0), bytes({1, 3, 0, 0, 0, 0, 0, 0, 0xa0, 0xb0, 0xc0, 0xd0}));

    const Bytes early = bytes({0xde, 0xad});
    const Door door{.id = 258,
                    .protocol = 17,
                    .local = {*parse_address("127.0.0.1"), 7001},
                    .remote = {*parse_address("10.9.8.7"), 0xfffe},
                    .datagrams = {early}};
    const Bytes wanted = bytes({1,   1, 0,    1,   0,    0,    0,    0,     // header, one record
                                0,   0, 0,    0,   0,    0,    1,    2,     // id
                                17,  4, 0,    1,   0x1b, 0x59, 0xff, 0xfe,  // protocol, family, datagrams, ports
                                127, 0, 0,    1,   0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0,  // local
                                10,  9, 8,    7,   0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0,  // remote
                                0,   2, 0xde, 0xad});
    EXPECT_EQ(encode(HandoffType::doors, {door}), wanted);
    EXPECT_EQ(wanted.size(), kHandoffHeaderSize + kDoorRecordSize + 4);
}

// Every message means the same after encoding and decoding.
TEST(HandoffWire, RoundTrip) {
    test::Random random;
    std::vector<Bytes> store;
    for (int round = 0; round < 200; ++round) {
        const std::vector<Door> doors = random_doors(random, store);
        const Bytes encoded = encode(HandoffType::doors, doors);
        const auto message = decode_handoff(encoded);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->type, HandoffType::doors);
        ASSERT_EQ(message->doors.size(), doors.size());
        for (std::size_t i = 0; i < doors.size(); ++i) expect_same(message->doors[i], doors[i]);

        const std::uint64_t id = random();
        EXPECT_EQ(decode_handoff(encode_taken(id))->taken, id);
        const auto window = static_cast<std::uint32_t>(random());
        EXPECT_EQ(decode_handoff(encode_credit(window))->credit, window);
    }
    EXPECT_EQ(decode_handoff(encode(HandoffType::drain))->type, HandoffType::drain);
    EXPECT_EQ(decode_handoff(encode(HandoffType::stopping))->type, HandoffType::stopping);
}

// A message that lacks its end, or has something behind it, is refused at every length.
TEST(HandoffWire, RefusesEveryWrongLength) {
    test::Random random;
    std::vector<Bytes> store;
    std::vector<Bytes> messages{encode(HandoffType::drain), encode(HandoffType::stopping), encode_taken(7),
                                encode_credit(7)};
    for (int i = 0; i < 3; ++i) messages.push_back(encode(HandoffType::doors, random_doors(random, store)));
    for (const Bytes& message : messages) {
        for (std::size_t length = 0; length < message.size(); ++length)
            ASSERT_FALSE(decode_handoff(std::span(message).first(length))) << length << " of " << message.size();
        Bytes longer = message;
        longer.push_back(std::byte{0});
        EXPECT_FALSE(decode_handoff(longer));
    }
}

// Other versions, unknown types and impossible counts are refused.
TEST(HandoffWire, RefusesWhatItDoesNotKnow) {
    Bytes credit = encode_credit(1);
    for (const int version : {0, 2, 255}) {
        credit[0] = static_cast<std::byte>(version);
        EXPECT_FALSE(decode_handoff(credit)) << version;
    }
    for (const int type : {0, 6, 255}) {
        Bytes message = encode(HandoffType::drain);
        message[1] = static_cast<std::byte>(type);
        EXPECT_FALSE(decode_handoff(message)) << type;
    }
    EXPECT_FALSE(decode_handoff(encode(HandoffType::doors)));
    EXPECT_TRUE(decode_handoff(encode(HandoffType::doors, std::vector<Door>(kMaxDoors))));
    EXPECT_FALSE(decode_handoff(encode(HandoffType::doors, std::vector<Door>(kMaxDoors + 1))));
}

// Random bytes and damaged messages are decoded or refused, never read beyond their end (the sanitizers watch), and
// what is decoded is what was there.
TEST(HandoffWire, SurvivesGarbage) {
    test::Random random;
    std::vector<Bytes> store;
    for (int round = 0; round < 20000; ++round) {
        Bytes message;
        if (round % 2) {
            message.resize(random.between(0, 200));
            for (std::byte& byte : message) byte = static_cast<std::byte>(random());
            if (message.size() > 1) {
                message[0] = std::byte{1};
                message[1] = static_cast<std::byte>(random.between(0, 8));
            }
        } else {
            message = encode(HandoffType::doors, random_doors(random, store));
            for (std::uint64_t i = random.between(1, 8); i > 0; --i)
                message[random.between(0, message.size() - 1)] = static_cast<std::byte>(random());
        }
        // Exactly as large as the message, so that a byte too far is a byte outside.
        const std::unique_ptr<std::byte[]> exact(new std::byte[message.size()]);
        std::ranges::copy(message, exact.get());
        const auto decoded = decode_handoff({exact.get(), message.size()});
        if (!decoded || decoded->type != HandoffType::doors) continue;
        Bytes again = encode(HandoffType::doors, decoded->doors);
        std::copy_n(message.begin() + 4, 4, again.begin() + 4);  // reserved, ignored
        ASSERT_EQ(again, message);
    }
}

// What portier says about flows, byte by byte.
TEST(HandoffWire, SaysHowFlowsEnd) {
    const Bytes idle = encode_idle(0x01020304), evict = encode_evict({.count = 5, .first = 7001, .last = 0xfffe});
    EXPECT_EQ(idle, bytes({1, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}));
    EXPECT_EQ(evict, bytes({1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x1b, 0x59, 0xff, 0xfe}));
    EXPECT_EQ(decode_handoff(idle)->idle_ms, 0x01020304u);
    const Eviction decoded = decode_handoff(evict)->eviction;
    EXPECT_EQ(decoded.count, 5u);
    EXPECT_EQ(decoded.first, 7001);
    EXPECT_EQ(decoded.last, 0xfffe);
    EXPECT_FALSE(decode_handoff(std::span(idle).first(11)));
    EXPECT_FALSE(decode_handoff(std::span(evict).first(15)));
}

}  // namespace portier::net

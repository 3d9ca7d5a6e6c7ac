#include "delivery/handover.hpp"

#include <gtest/gtest.h>

namespace portier::delivery {

// The ends are told only where accounting could not find them out from the socket.
TEST(Handover, TellsTheEndsOfAProxiedConnection) {
    Accepted accepted;
    accepted.local = {*net::parse_address("192.0.2.1"), 80};
    accepted.remote = {*net::parse_address("2001:db8::1"), 1234};
    accepted.port_row = 7;
    accepted.cookie = 99;
    accepted.accepted_us = 5'000'999;

    metrics::Handover record = handover_of(accepted, 3);
    EXPECT_EQ(record.cookie, 99u);
    EXPECT_EQ(record.accepted_ms, 5000u);
    EXPECT_EQ(record.process, 3u);
    EXPECT_EQ(record.port, 7u);
    EXPECT_EQ(record.ends.client_family, 0);

    accepted.header_size = 28;
    record = handover_of(accepted, 3);
    EXPECT_EQ(record.cookie, 99u);
    EXPECT_EQ(record.ends.client_family, 6);
    EXPECT_EQ(record.ends.client, accepted.remote.address.bytes);
    EXPECT_EQ(record.ends.client_port, 1234);
    EXPECT_EQ(record.ends.local_family, 4);
    EXPECT_EQ(record.ends.local, accepted.local.address.bytes);
    EXPECT_EQ(record.ends.local_port, 80);
    EXPECT_EQ(record.ends.header_size, 28);
}

}  // namespace portier::delivery

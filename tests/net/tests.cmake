# Tests of router/net; one for each source, sock_diag in two parts.
add_executable(net_test
  net/channel_test.cpp
  net/connect_test.cpp
  net/datagram_spread_test.cpp
  net/datagrams_test.cpp
  net/destroy_events_test.cpp
  net/endpoint_test.cpp
  net/filter_faults.cpp
  net/handoff_wire_test.cpp
  net/lingering_closer_test.cpp
  net/lookup_test.cpp
  net/network_test.cpp
  net/node_wire_test.cpp
  net/port_intervals_test.cpp
  net/proxy_protocol_test.cpp
  net/proxy_protocol_v2_test.cpp
  net/proxy_read_test.cpp
  net/sock_diag_test.cpp
  net/udp_flow_test.cpp
  net/socket_test.cpp
  net/splice_test.cpp
  net/stream_channel_test.cpp
  net/untouched_test.cpp)
target_link_libraries(net_test PRIVATE portier_net portier_test)
target_compile_definitions(net_test PRIVATE
  PORTIER_PROXY_VECTORS="${CMAKE_CURRENT_SOURCE_DIR}/data/proxy_protocol/vectors.txt")
gtest_discover_tests(net_test TEST_PREFIX net. DISCOVERY_TIMEOUT 120)

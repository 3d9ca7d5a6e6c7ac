# Tests of router/delivery; one for each source, handoff_channel in two parts.
add_executable(delivery_test
  delivery/backend_socket_test.cpp
  delivery/balance_test.cpp
  delivery/channel_poll_test.cpp
  delivery/descriptors_test.cpp
  delivery/factory_test.cpp
  delivery/flow_backends_test.cpp
  delivery/flow_book_test.cpp
  delivery/flow_memory_test.cpp
  delivery/flow_table_test.cpp
  delivery/handoff_channel_test.cpp
  delivery/handoff_faults_test.cpp
  delivery/handoff_takeover_test.cpp
  delivery/handoff_test.cpp
  delivery/handover_test.cpp
  delivery/haproxy_channel_test.cpp
  delivery/link_test.cpp
  delivery/node_channel_test.cpp
  delivery/plan_test.cpp
  delivery/process_channel_test.cpp
  delivery/proxied_datagrams_test.cpp
  delivery/relay_threads_test.cpp
  delivery/source_counts_test.cpp
  delivery/spawn_request_test.cpp
  delivery/spawn_test.cpp
  delivery/udp_port_test.cpp
  delivery/udp_relay_test.cpp)
target_link_libraries(delivery_test PRIVATE portier_delivery portier_test)
gtest_discover_tests(delivery_test TEST_PREFIX delivery. DISCOVERY_TIMEOUT 120)

# Tests of router/desk; one for each source, accounting in six parts, the listener in three.
add_executable(desk_test
  desk/accept_faults.cpp
  desk/accounting_resync_test.cpp
  desk/accounting_inherit_test.cpp
  desk/accounting_proxied_test.cpp
  desk/flow_port_test.cpp
  desk/flows_test.cpp
  desk/kernel_gauges_test.cpp
  desk/accounting_flows_test.cpp
  desk/accounting_test.cpp
  desk/admission_test.cpp
  desk/desk_plans_test.cpp
  desk/desk_test.cpp
  desk/dump_pace_test.cpp
  desk/ledger_test.cpp
  desk/listener_faults_test.cpp
  desk/listener_proxy_test.cpp
  desk/listener_test.cpp
  desk/port_index_test.cpp
  desk/proxied_ledger_test.cpp
  desk/proxy_gate_test.cpp
  desk/relay_ends_test.cpp
  desk/series_test.cpp
  desk/suspects_test.cpp)
target_link_libraries(desk_test PRIVATE portier_desk portier_test)
target_precompile_headers(desk_test PRIVATE
  <boost/asio.hpp> <gtest/gtest.h> <functional> <map> <memory> <string> <vector>)
gtest_discover_tests(desk_test TEST_PREFIX desk. DISCOVERY_TIMEOUT 60)

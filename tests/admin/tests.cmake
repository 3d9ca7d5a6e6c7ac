# Tests of router/admin; one for each source.
add_executable(admin_test
  admin/command_address_test.cpp
  admin/command_client_test.cpp
  admin/command_request_test.cpp
  admin/command_server_test.cpp
  admin/command_socket_test.cpp
  admin/commands_test.cpp
  admin/diagnostics_json_test.cpp
  admin/http_server_test.cpp
  admin/pages_test.cpp
  admin/status_test.cpp
  admin/status_text_test.cpp)
target_link_libraries(admin_test PRIVATE portier_admin portier_test)
gtest_discover_tests(admin_test TEST_PREFIX admin. DISCOVERY_TIMEOUT 60)

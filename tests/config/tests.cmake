# Tests of router/config; one for each source.
add_executable(config_test
  config/backends_test.cpp
  config/check_capacity_test.cpp
  config/check_handler_test.cpp
  config/check_host_test.cpp
  config/check_loops_test.cpp
  config/check_overlaps_test.cpp
  config/check_program_test.cpp
  config/check_protocols_test.cpp
  config/check_proxy_test.cpp
  config/check_relay_test.cpp
  config/decode_test.cpp
  config/diagnostics_test.cpp
  config/documents_test.cpp
  config/effective_json_test.cpp
  config/effective_test.cpp
  config/field_test.cpp
  config/fields_handler_test.cpp
  config/fields_port_test.cpp
  config/fields_process_test.cpp
  config/fields_relay_test.cpp
  config/fields_router_test.cpp
  config/handlers_test.cpp
  config/host_port_test.cpp
  config/host_test.cpp
  config/load_test.cpp
  config/nesting_test.cpp
  config/object_reader_test.cpp
  config/outline_test.cpp
  config/port_key_test.cpp
  config/ports_test.cpp
  config/program_test.cpp
  config/read_file_test.cpp
  config/reference_test.cpp
  config/render_test.cpp
  config/schema_test.cpp
  config/slips_test.cpp
  config/source_test.cpp
  config/units_test.cpp
  config/variables_test.cpp
  config/words_test.cpp
  config/yaml_errors_test.cpp
  config/yaml_events_test.cpp
  config/yaml_reader_test.cpp
  config/yaml_traps_test.cpp)
target_link_libraries(config_test PRIVATE portier_config portier_options yaml-cpp GTest::gtest_main)
target_include_directories(config_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_precompile_headers(config_test PRIVATE <gtest/gtest.h>)
target_compile_definitions(config_test PRIVATE
  PORTIER_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data"
  PORTIER_SOURCE="${PROJECT_SOURCE_DIR}")
gtest_discover_tests(config_test)

# Tests of router/base; one for each source.
add_executable(base_test
  base/alarm_test.cpp
  base/line_writer_test.cpp
  base/log_test.cpp
  base/readable_test.cpp
  base/text_test.cpp)
target_link_libraries(base_test PRIVATE portier_base portier_test)
gtest_discover_tests(base_test TEST_PREFIX base. DISCOVERY_TIMEOUT 120)

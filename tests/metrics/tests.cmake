# Tests of router/metrics; one for each source.
add_executable(metrics_test
  metrics/board_test.cpp
  metrics/catalogue_test.cpp
  metrics/exposition_deliveries_test.cpp
  metrics/exposition_test.cpp
  metrics/own_usage_test.cpp)
target_link_libraries(metrics_test PRIVATE portier_metrics portier_test)
gtest_discover_tests(metrics_test TEST_PREFIX metrics. DISCOVERY_TIMEOUT 120)

# Tests of router/config; sources by name, one for each source.
add_executable(config_test
  config/load_test.cpp)
target_link_libraries(config_test PRIVATE portier_config portier_options GTest::gtest_main)
target_include_directories(config_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(config_test PRIVATE
  PORTIER_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data"
  PORTIER_SOURCE="${PROJECT_SOURCE_DIR}")
gtest_discover_tests(config_test)

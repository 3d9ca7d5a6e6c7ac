# Tests of router/proc; one for each source, spawn in two parts.
add_executable(proc_test
  proc/child_setup_test.cpp
  proc/descriptor_limit_test.cpp
  proc/identity_test.cpp
  proc/spawn_failure_test.cpp
  proc/spawn_test.cpp
  proc/usage_test.cpp)
target_link_libraries(proc_test PRIVATE portier_proc portier_test)
gtest_discover_tests(proc_test TEST_PREFIX proc. DISCOVERY_TIMEOUT 120)

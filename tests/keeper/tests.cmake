# Tests of router/keeper; one for each source but keeper.cpp, reload.cpp and router_process.cpp, which start a second
# portier: tests/e2e has those.
add_executable(keeper_test
  keeper/backends_test.cpp
  keeper/changes_test.cpp
  keeper/closer_test.cpp
  keeper/command_test.cpp
  keeper/demand_test.cpp
  keeper/exits_test.cpp
  keeper/flow_stores_test.cpp
  keeper/handler_process_program_test.cpp
  keeper/handler_process_test.cpp
  keeper/notify_socket_test.cpp
  keeper/orphans_test.cpp
  keeper/output_test.cpp
  keeper/plan_builder_test.cpp
  keeper/pool_end_test.cpp
  keeper/pool_test.cpp
  keeper/resolver_test.cpp
  keeper/router_command_test.cpp
  keeper/rows_test.cpp
  keeper/sampler_test.cpp
  keeper/shared_listeners_test.cpp
  keeper/slot_candidate_test.cpp
  keeper/slot_test.cpp
  keeper/socket_set_test.cpp
  keeper/socket_set_tune_test.cpp
  keeper/spawn_command_test.cpp
  keeper/spawned_handler_test.cpp
  keeper/spawner_test.cpp
  keeper/start_reports_test.cpp
  keeper/waiting_test.cpp)
target_link_libraries(keeper_test PRIVATE portier_keeper portier_test)
gtest_discover_tests(keeper_test TEST_PREFIX keeper. DISCOVERY_TIMEOUT 60)

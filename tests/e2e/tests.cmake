# End-to-end tests: the real portier with real handlers, from outside. The heavy ones want the machine for themselves.
set(e2e_light
  accounting
  admin
  admission
  balance
  command_line
  contract
  dialect_haproxy
  dialect_node
  dns_example
  examples
  handler_audit
  houses
  inherit
  log
  names
  on_demand
  proxy
  proxy_peers
  relay
  relay_backends
  relay_command
  relay_ends
  relay_hostile
  relay_transparent
  reload_disturbed
  signals
  spawn_limits
  spawn_styles
  spawn_wait
  supervision
  udp_handoff
  udp_relay)
set(e2e_heavy
  descriptors
  hold
  relay_stream
  reload
  router_crash
  router_link
  spawn_life
  spawn_programs)

foreach(test ${e2e_light} ${e2e_heavy})
  add_test(NAME e2e.${test} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${test}_test.py)
  set_tests_properties(e2e.${test} PROPERTIES
    ENVIRONMENT "PORTIER_BUILD=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1" TIMEOUT 300)
endforeach()
list(TRANSFORM e2e_heavy PREPEND e2e.)
set_tests_properties(${e2e_heavy} PROPERTIES RUN_SERIAL TRUE)

# End-to-end tests: the real portier with real handlers, from outside. The heavy ones want the machine for themselves.
set(e2e_light houses admin command_line admission proxy balance on_demand accounting handler_audit inherit supervision contract log
              signals reload_disturbed udp_relay dns_example spawn_styles spawn_limits spawn_wait)
set(e2e_heavy descriptors router_crash reload hold spawn_life spawn_programs)

foreach(test ${e2e_light} ${e2e_heavy})
  add_test(NAME e2e.${test} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${test}_test.py)
  set_tests_properties(e2e.${test} PROPERTIES
    ENVIRONMENT "PORTIER_BUILD=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1" TIMEOUT 300)
endforeach()
list(TRANSFORM e2e_heavy PREPEND e2e.)
set_tests_properties(${e2e_heavy} PROPERTIES RUN_SERIAL TRUE)

# Tests of dashboards/: the files by themselves, then every query on a real Prometheus.
foreach(test metrics_set lint alerts live)
  add_test(NAME dashboards.${test}
    COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/dashboards/${test}_test.py -v)
  set_tests_properties(dashboards.${test} PROPERTIES
    ENVIRONMENT "PORTIER_BUILD=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1" TIMEOUT 300)
endforeach()

# Tests of handlers/: the SDK by GoogleTest, the samples from outside by Python.
add_executable(handlers_sdk_test
  handlers/sdk/connections_test.cpp
  handlers/sdk/datagrams_test.cpp
  handlers/sdk/doors_credit_test.cpp
  handlers/sdk/doors_test.cpp
  handlers/sdk/flows_test.cpp
  handlers/sdk/intake_test.cpp
  handlers/sdk/line_buffer_test.cpp
  handlers/sdk/listen_test.cpp
  handlers/sdk/listeners_test.cpp
  handlers/sdk/notify_test.cpp
  handlers/sdk/outbox_test.cpp)
target_link_libraries(handlers_sdk_test PRIVATE portier_sdk portier_test)
gtest_discover_tests(handlers_sdk_test TEST_PREFIX handlers.)

foreach(sample echo kitchen chat push)
  add_test(NAME handlers.${sample}
    COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/handlers/${sample}_test.py)
  set_tests_properties(handlers.${sample} PROPERTIES
    ENVIRONMENT "PORTIER_BUILD=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1" TIMEOUT 300)
endforeach()

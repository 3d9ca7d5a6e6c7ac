# The fuzz targets, compiled by clang in a build of their own (tests/fuzz/CMakeLists.txt) with the sanitizers that they
# need, so they are not run again where everything else has them. They take FUZZ_SECONDS (60) in all and the processor.
if(NOT PORTIER_SANITIZE)
  add_test(NAME fuzz COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_test.py)
  set_tests_properties(fuzz PROPERTIES
    ENVIRONMENT "PORTIER_BUILD=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1" TIMEOUT 3600 RUN_SERIAL TRUE)
endif()

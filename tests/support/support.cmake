# What every unit test links: GoogleTest, the helpers of tests/support, our warnings. A test names the members that
# matter to it, so members left out are no mistake there.
add_library(portier_test INTERFACE)
target_link_libraries(portier_test INTERFACE portier_options GTest::gtest_main)
target_include_directories(portier_test INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(portier_test INTERFACE -Wno-missing-field-initializers)

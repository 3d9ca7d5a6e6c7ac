#include "config/field_checks.hpp"

namespace portier::config {
namespace {

TEST(fields_handler, are_described_and_their_examples_and_defaults_are_values) {
    expect_consistent(handler_table());
}

}  // namespace
}  // namespace portier::config

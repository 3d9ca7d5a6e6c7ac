#include "config/field_checks.hpp"

namespace portier::config {
namespace {

// The keys of a relay themselves are part of handler_table().
TEST(fields_relay, of_an_address_are_described_and_their_examples_and_defaults_are_values) {
    expect_consistent(backend_table());
}

}  // namespace
}  // namespace portier::config

#include "config/field_checks.hpp"

namespace portier::config {
namespace {

TEST(fields_router, are_described_and_their_examples_and_defaults_are_values) {
    expect_consistent(router_table());
    expect_consistent(admin_table());
}

TEST(fields_router, describe_the_top_level) {
    expect_described(file_fields());
}

}  // namespace
}  // namespace portier::config

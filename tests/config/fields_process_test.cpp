#include "config/field_checks.hpp"

namespace portier::config {
namespace {

TEST(fields_process, ask_for_processes_and_are_described) {
    Table<Handler> table;
    add_process(table);
    expect_consistent(table);
    Handler relay;
    relay.delivery = Delivery::relay;
    for (const Field& field : table.fields)
        if (field.key.find('.') == std::string::npos) {
            EXPECT_FALSE(applies(field, relay)) << field.key;
        }
}

}  // namespace
}  // namespace portier::config

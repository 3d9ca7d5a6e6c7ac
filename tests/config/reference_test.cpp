// The generated part of config/README.md is what reference_markdown() says. PORTIER_REGENERATE=1 writes it anew.
#include <gtest/gtest.h>

#include "config/fields.hpp"
#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::filesystem::path kReadme = std::filesystem::path(PORTIER_SOURCE) / "config" / "README.md";
const std::string kBegin = "<!-- reference: begin, generated from the tables in router/config -->\n\n";
const std::string kEnd = "\n<!-- reference: end -->";

TEST(reference, is_up_to_date_in_the_readme) {
    const std::string page = read_whole(kReadme);
    const std::size_t begin = page.find(kBegin);
    const std::size_t end = page.find(kEnd);
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t start = begin + kBegin.size();
    if (std::getenv("PORTIER_REGENERATE") != nullptr)
        write_whole(kReadme, page.substr(0, start) + reference_markdown() + page.substr(end));
    const std::string now = read_whole(kReadme);
    EXPECT_EQ(now.substr(start, now.find(kEnd) - start), reference_markdown());
}

TEST(reference, has_a_row_for_every_key) {
    const std::string text = reference_markdown();
    const auto expect_rows = [&](const std::vector<Field>& fields) {
        for (const Field& field : fields) EXPECT_NE(text.find('`' + field.key + '`'), std::string::npos) << field.key;
    };
    expect_rows(file_fields());
    expect_rows(handler_table().fields);
    expect_rows(backend_table().fields);
    expect_rows(port_table().fields);
    expect_rows(admin_table().fields);
    expect_rows(router_table().fields);
}

}  // namespace
}  // namespace portier::config

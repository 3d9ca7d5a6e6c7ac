#include "config/object_reader.hpp"

#include <gtest/gtest.h>

#include "config/yaml_reader.hpp"

namespace portier::config {
namespace {

struct ReadPort {
    Draft<Port> draft;
    std::vector<Diagnostic> diagnostics;
};

ReadPort read(const std::string& text) {
    Sources sources;
    sources.emplace_back("a.yaml", text);
    Diagnostics diagnostics(sources);
    const auto node = read_yaml(sources[0], 0, diagnostics);
    ReadPort out;
    read_object({*node, "ports.x", {}}, port_table(), out.draft, diagnostics);
    out.diagnostics = diagnostics.result();
    return out;
}

TEST(object_reader, fills_members_and_remembers_places) {
    const ReadPort got = read("handler: veg\ntcp: {keepalive: 5s}\n");
    EXPECT_TRUE(got.diagnostics.empty());
    EXPECT_EQ(got.draft.object.handler, "veg");
    EXPECT_EQ(got.draft.object.tcp.keepalive, Milliseconds(5000));
    const auto place = written(port_table(), got.draft, "tcp.keepalive");
    ASSERT_TRUE(place);
    EXPECT_EQ(place->key.column, 7);
    EXPECT_EQ(place->value.column, 18);
    EXPECT_TRUE(place->own && place->good);
    EXPECT_FALSE(written(port_table(), got.draft, "backlog"));
}

TEST(object_reader, a_bad_value_leaves_the_default_and_is_remembered) {
    const ReadPort got = read("backlog: many\n");
    EXPECT_EQ(got.diagnostics.size(), 1U);
    EXPECT_EQ(got.draft.object.backlog, Port{}.backlog);
    EXPECT_FALSE(written(port_table(), got.draft, "backlog")->good);
}

TEST(object_reader, values_of_defaults_are_nobodys_own) {
    ReadPort got = read("backlog: 5\n");
    make_inherited(got.draft);
    EXPECT_FALSE(written(port_table(), got.draft, "backlog")->own);
}

TEST(object_reader, helps_with_unknown_keys) {
    EXPECT_EQ(unknown_key_hint("bcklog", {"backlog", "tcp"}), "did you mean \"backlog\"?");
    EXPECT_EQ(unknown_key_hint("processes", {"backlog", "tcp"}), "\"processes\" is a key of a handler");
    EXPECT_EQ(unknown_key_hint("keepalive", {"backlog", "tcp"}), "of a port there is \"tcp.keepalive\"");
    EXPECT_EQ(unknown_key_hint("something", {"backlog", "tcp"}), "the keys here are backlog, tcp");
}

}  // namespace
}  // namespace portier::config

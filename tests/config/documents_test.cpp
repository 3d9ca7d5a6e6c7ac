#include "config/documents.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::string kHandlers = "handlers: {veg: {command: [sleep]}}\n";

TEST(documents, includes_are_relative_to_the_including_file_and_patterns_are_sorted) {
    const ScratchFolder folder;
    folder.write("conf.d/b.yaml", "ports: {7002/tcp: veg}\n");
    folder.write("conf.d/a.yaml", "include: [more/c.yaml]\nports: {7001/tcp: veg}\n");
    folder.write("conf.d/more/c.yaml", "ports: {7003/tcp: veg}\n");
    folder.write("conf.d/not.txt", "neither: read\n");
    const std::string file =
        folder.write("houses.yaml", "version: 1\ninclude: [conf.d/*.yaml, conf.d/no*.yaml]\n" + kHandlers);
    const Loaded loaded = load(file, test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    std::vector<std::string> keys;
    for (const Port& port : loaded.config->ports) keys.push_back(port.key);
    EXPECT_EQ(keys, (std::vector<std::string>{"7001/tcp", "7003/tcp", "7002/tcp"}));
    EXPECT_EQ(loaded.config->files[1], (folder / "conf.d/a.yaml").string());
    EXPECT_EQ(loaded.config->ports[1].mark.file, (folder / "conf.d/more/c.yaml").string());
}

TEST(documents, a_folder_with_pattern_characters_means_itself) {
    const ScratchFolder folder;
    folder.write("a[b]*/conf.d/x.yaml", "ports: {7001/tcp: veg}\n");
    const Loaded loaded =
        load(folder.write("a[b]*/houses.yaml", "version: 1\ninclude: [conf.d/*.yaml]\n" + kHandlers), test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->ports.size(), 1U);
}

TEST(documents, a_loop_is_shown_as_a_chain) {
    const ScratchFolder folder;
    folder.write("a.yaml", "include: [b.yaml]\n");
    folder.write("b.yaml", "include: [a.yaml]\n");
    const Loaded loaded = load(folder.write("houses.yaml", good_file("", "include: [a.yaml]\n")), test_host());
    EXPECT_EQ(rendered(loaded, folder.path()),
              "b.yaml:1:11: error: include loop: a.yaml -> b.yaml -> a.yaml\n"
              "    1 | include: [a.yaml]\n"
              "      |           ^~~~~~\n");
}

TEST(documents, a_file_that_includes_itself_is_a_loop) {
    EXPECT_EQ(headlines(good_file("", "include: [houses.yaml]\n")),
              "houses.yaml:5:11: error: include loop: houses.yaml -> houses.yaml\n");
}

TEST(documents, a_chain_of_includes_ends_somewhere) {
    const auto chain = [](int length) {
        const ScratchFolder folder;
        for (int i = 1; i <= length; ++i)
            folder.write(std::to_string(i) + ".yaml",
                         i < length ? "include: [" + std::to_string(i + 1) + ".yaml]\n" : "x-end: here\n");
        const std::string file = folder.write("houses.yaml", good_file("", "include: [1.yaml]\n"));
        return rendered(load(file, test_host()), folder.path());
    };
    EXPECT_EQ(chain(64), "");
    EXPECT_EQ(chain(1000),
              "64.yaml:1:11: error: files that include each other over more than 64 levels\n"
              "    1 | include: [65.yaml]\n"
              "      |           ^~~~~~~\n");
}

TEST(documents, a_pattern_in_a_folder_that_is_not_there_is_a_warning) {
    EXPECT_EQ(headlines(good_file("", "include: [\"*.yml\", cnf.d/*.yaml]\n")),
              "houses.yaml:5:20: warning: the pattern \"cnf.d/*.yaml\" matches nothing: cnf.d/: No such file or "
              "directory\n");
    EXPECT_NE(headlines(good_file("", "include: [none.yaml]\n")).find("error: none.yaml: cannot open the file"),
              std::string::npos);
}

TEST(documents, what_is_not_a_file_keeps_nobody_waiting) {
    const ScratchFolder folder;
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    const std::string file = folder.write("houses.yaml", good_file("", "include: [fifo, /dev/zero, /dev/stdin]\n"));
    const std::string all = rendered(load(file, test_host()), folder.path());
    EXPECT_NE(all.find("fifo: this is a pipe, not a file"), std::string::npos) << all;
    EXPECT_NE(all.find("/dev/zero: this is a device, not a file"), std::string::npos) << all;
    EXPECT_NE(all.find("/dev/stdin: "), std::string::npos) << all;
}

TEST(documents, a_missing_main_file_is_a_diagnostic) {
    const Loaded loaded = load("/no/such/houses.yaml", test_host());
    EXPECT_FALSE(loaded.config);
    ASSERT_EQ(loaded.diagnostics.size(), 1U);
    EXPECT_EQ(render(loaded.diagnostics[0]),
              "/no/such/houses.yaml: error: cannot open the file: No such file or directory\n");
}

TEST(documents, too_large_a_number_or_file_is_answered) {
    EXPECT_NE(headlines(good_file(", processes: " + std::string(1000000, '9'))).find("a line of 10000"),
              std::string::npos);
    EXPECT_NE(headlines(good_file("", std::string(1 << 20, '#'))).find("larger than 1048576 bytes"), std::string::npos);
}

}  // namespace
}  // namespace portier::config

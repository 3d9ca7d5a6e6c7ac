// load() against the files in tests/data/config: every bad one gives exactly the text beside it, every good one loads.
// PORTIER_REGENERATE=1 writes the texts anew; read the difference before committing it.
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

const std::filesystem::path kData = std::filesystem::path(PORTIER_TEST_DATA) / "config";

Host data_host() {
    return test_host({{"SET", "7"}, {"HOUSE", "veg"}, {"PROCESSES", "3"}});
}

std::set<std::filesystem::path> files(const std::string& folder, const std::string& extension) {
    std::set<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(kData / folder))
        if (entry.path().extension() == extension) out.insert(entry.path());
    return out;
}

std::filesystem::path expectation_of(std::filesystem::path file) {
    return file.replace_extension(".expected");
}

void expect_text(const std::filesystem::path& file, const std::string& text) {
    if (std::getenv("PORTIER_REGENERATE") != nullptr) write_whole(expectation_of(file), text);
    EXPECT_EQ(read_whole(expectation_of(file)), text) << file;
}

TEST(load, refuses_every_bad_file_with_the_expected_text) {
    ASSERT_FALSE(files("bad", ".yaml").empty());
    // As git has it; what a checkout makes of it depends on the umask, and a message tells the mode.
    std::filesystem::permissions(kData / "bad/programs/not_executable", std::filesystem::perms(0644));
    for (const auto& file : files("bad", ".yaml")) {
        const Loaded loaded = load(file.string(), data_host());
        EXPECT_FALSE(loaded.config) << file;
        expect_text(file, rendered(loaded, kData / "bad"));
    }
}

TEST(load, accepts_every_good_file_with_the_expected_warnings) {
    ASSERT_FALSE(files("good", ".yaml").empty());
    for (const auto& file : files("good", ".yaml")) {
        const Loaded loaded = load(file.string(), data_host());
        const std::string text = rendered(loaded, kData / "good");
        EXPECT_TRUE(loaded.config) << file << '\n' << text;
        if (std::filesystem::exists(expectation_of(file)) || !text.empty()) expect_text(file, text);
    }
}

TEST(load, has_a_file_for_every_expectation) {
    for (const char* folder : {"bad", "good"})
        for (auto file : files(folder, ".expected"))
            EXPECT_TRUE(std::filesystem::exists(file.replace_extension(".yaml"))) << file;
}

TEST(load, gives_the_values_of_a_full_file) {
    const Loaded loaded = load((kData / "good" / "street.yaml").string(), data_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, kData);
    const Config& config = *loaded.config;
    EXPECT_EQ(config.folder, (kData / "good").string());
    EXPECT_EQ(config.files.size(), 3U);
    ASSERT_EQ(config.handlers.size(), 5U);
    const Handler& veg = config.handlers[0];
    EXPECT_EQ(veg.name, "veg");
    EXPECT_EQ(veg.mark.line, 22);
    EXPECT_EQ(veg.mark.column, 3);
    EXPECT_EQ(veg.command, (std::vector<std::string>{"sleep", "--menu", "veg"}));
    EXPECT_EQ(veg.program, "/usr/bin/sleep");
    EXPECT_EQ(veg.processes, 2U);
    EXPECT_EQ(veg.balance, Balance::least_connections);
    EXPECT_EQ(veg.env, (std::map<std::string, std::string>{
                           {"STREET", "1"}, {"HOUSE", "veg"}, {"PRICE", "5$"}, {"MENU", "today"}, {"MODE", "0755"}}));
    EXPECT_EQ(veg.working_directory, (kData / "good").string());
    EXPECT_EQ(veg.ready, Ready::notify);
    EXPECT_EQ(veg.ready_timeout, Milliseconds(90000));
    EXPECT_EQ(veg.limits, (Limits{1000, 512 << 20, 64, 0, Milliseconds(3600000)}));
    EXPECT_EQ(veg.restart, (Restart{Milliseconds(250), Milliseconds(3600000)}));
    EXPECT_EQ(veg.stop, (Stop{3, Milliseconds(5000)}));
    EXPECT_EQ(veg.start, Start::on_demand);
    EXPECT_EQ(config.handlers[1].processes, 3U);
    EXPECT_EQ(config.handlers[1].balance, Balance::round_robin);
    EXPECT_EQ(config.handlers[3].name, "push");
    EXPECT_EQ(config.handlers[4].name, "chat");
}

TEST(load, gives_the_ports_of_a_full_file) {
    const Loaded loaded = load((kData / "good" / "street.yaml").string(), data_host());
    ASSERT_TRUE(loaded.config);
    const std::vector<Port>& ports = loaded.config->ports;
    ASSERT_EQ(ports.size(), 10U);
    EXPECT_EQ(ports[0].key, "7001/tcp");
    EXPECT_EQ(ports[0].handler, "veg");
    EXPECT_EQ(ports[0].backlog, 512U);
    EXPECT_EQ(ports[0].max_connections, 1000U);
    EXPECT_EQ(ports[0].tcp, (TcpOptions{false, Milliseconds(120000), {}, 0, {}}));
    EXPECT_EQ(ports[1].protocol, Protocol::udp);
    EXPECT_EQ(ports[1].max_connections, 0U);
    EXPECT_EQ(ports[1].backlog, Port{}.backlog);
    const Port& full = ports[2];
    EXPECT_EQ(full.address, net::parse_address("127.0.0.1"));
    EXPECT_EQ(full.accept_rate, (Rate{500, Milliseconds(1000)}));
    EXPECT_EQ(full.accept_rate_per_source, (Rate{100, Milliseconds(60000)}));
    EXPECT_EQ(full.allow.size(), 3U);
    EXPECT_EQ(full.allow[2], (Network{*net::parse_address("127.0.0.1"), 32}));
    EXPECT_EQ(full.deny[1], (Network{*net::parse_address("::"), 0}));
    EXPECT_EQ(full.over_limit, OverLimit::close);
    EXPECT_EQ(full.tcp, (TcpOptions{true, Milliseconds(30000), Milliseconds(30000), 256, Milliseconds(5000)}));
    EXPECT_EQ(ports[7].first, 20000);
    EXPECT_EQ(ports[7].last, 27999);
    EXPECT_EQ(net::to_string(*loaded.config->admin.listen), "[::1]:7000");
    EXPECT_EQ(loaded.config->admin.listen_mark.line, 65);
    EXPECT_EQ(loaded.config->router.log.level, LogLevel::debug);
    EXPECT_EQ(loaded.config->router.drain_timeout, Milliseconds(60000));
}

TEST(load, is_quick_with_ten_thousand_ports) {
    std::string text = "version: 1\nhandlers: {veg: {command: [sleep]}}\nports:\n";
    for (int port = 0; port < 10000; ++port)
        text += "  " + std::to_string(1024 + port) + "/tcp: {handler: veg, max_connections: 10}\n";
    const ScratchFolder folder;
    const std::string file = folder.write("houses.yaml", text);
    const auto start = std::chrono::steady_clock::now();
    const Loaded loaded = load(file, test_host());
    const auto took = std::chrono::steady_clock::now() - start;
    ASSERT_TRUE(loaded.config);
    EXPECT_EQ(loaded.config->ports.size(), 10000U);
    // The goal is one second; sanitizers on a busy machine are given ten.
    EXPECT_LT(took, std::chrono::seconds(10));
}

TEST(load, caps_the_problems_and_says_how_many_are_left_out) {
    std::string text = "version: 1\n";
    for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + ": 1\n";
    const ScratchFolder folder;
    const Loaded loaded = load(folder.write("houses.yaml", text), test_host());
    ASSERT_EQ(loaded.diagnostics.size(), 51U);
    EXPECT_EQ(render(loaded.diagnostics.back()),
              (folder / "houses.yaml").string() + ": error: 4950 more problems are not shown\n");
}

}  // namespace
}  // namespace portier::config

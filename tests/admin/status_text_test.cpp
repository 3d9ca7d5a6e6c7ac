#include "admin/status_text.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "admin/scene.hpp"
#include "admin/status.hpp"
#include "base/version.hpp"

namespace portier::admin {

namespace {

namespace json = boost::json;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
}

// The words of the first line that begins so.
std::vector<std::string> words_of(const std::string& text, const std::string& begin) {
    for (const std::string& line : lines_of(text))
        if (line.starts_with(begin)) {
            std::istringstream stream(line);
            return {std::istream_iterator<std::string>(stream), {}};
        }
    return {};
}

class StatusTextTest : public testing::Test {
protected:
    json::object status() const { return json::parse(status_json(*scene_.board, scene_.series)).as_object(); }
    std::string text() const { return status_text(json::serialize(status())); }

    Scene scene_;
};

}  // namespace

// A person reads first what is wrong; a handler on demand without a process is not wrong.
TEST_F(StatusTextTest, TextBeginsWithProblems) {
    scene_.board->globals.last_reload_ok.set(0);
    const auto lines = lines_of(text());
    ASSERT_GT(lines.size(), 4u);
    EXPECT_EQ(lines[0], std::string("portier ") + kVersion + "  up 1d 1h  generation 4");
    EXPECT_EQ(lines[1], "! the last reload was refused, the configuration before it is in force");
    EXPECT_EQ(lines[2], "! handler bread has no ready process");
    EXPECT_EQ(lines[3], "");
    EXPECT_EQ(text().find("! handler cake"), std::string::npos);
}

// When nothing is wrong, nothing is said.
TEST_F(StatusTextTest, TextWithoutProblems) {
    scene_.series.handlers.erase(scene_.series.handlers.begin() + 1);
    EXPECT_EQ(text().find('!'), std::string::npos) << text();
}

// One line a port and one a process, in units that a person reads.
TEST_F(StatusTextTest, TextHasALineForEach) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(words_of(text(), "7001/tcp"),
              (Words{"7001/tcp", "veg", "handoff", "6/100", "10", "8", "9", "2.0", "KiB", "3.0", "MiB"}));
    EXPECT_EQ(words_of(text(), "7001/udp"), (Words{"7001/udp", "veg", "inherit"}));
    EXPECT_EQ(words_of(text(), "veg"), (Words{"veg", "0", "1234", "ready", "2", "12", "1.5", "KiB", "1m", "1s", "3"}));
    EXPECT_EQ(words_of(text(), "PORT").size(), 9u) << "ACTIVE/LIMIT is one";
    scene_.series.ports[0].limit = 0;
    EXPECT_EQ(words_of(text(), "7001/tcp")[3], "6") << "no limit";
}

// Who rests has no process id; of a program that waits for its socket the number is not one of a pool.
TEST_F(StatusTextTest, TextOfWhoRests) {
    const auto resting = [&] {
        for (const std::string& line : lines_of(text()))
            if (line.starts_with("veg") && line.find("waiting") != line.npos) return words_of(line, "veg");
        return std::vector<std::string>{};
    };
    auto words = resting();
    ASSERT_GT(words.size(), 3u);
    EXPECT_EQ((std::vector<std::string>{words[1], words[2]}), (std::vector<std::string>{"1", "-"}));
    scene_.series.handlers[0].delivery = "spawn";
    words = resting();
    ASSERT_GT(words.size(), 3u);
    EXPECT_EQ((std::vector<std::string>{words[1], words[2]}), (std::vector<std::string>{"-", "-"}));
}

// A process that has just started has not been measured yet.
TEST_F(StatusTextTest, TextWithoutMeasurementHasADash) {
    for (metrics::ProcessRow& row : scene_.board->processes) {
        row.open_fds.set(0);
        row.resident_bytes.set(0);
    }
    const auto words = words_of(text(), "veg");
    ASSERT_GT(words.size(), 6u);
    EXPECT_EQ((std::vector<std::string>{words[5], words[6]}), (std::vector<std::string>{"-", "-"}));
}

// Ages and sizes are short: two units, one digit.
TEST_F(StatusTextTest, TextAgesAndSizes) {
    const auto up = [&](std::uint64_t seconds) {
        scene_.board->globals.started_ms.set(wall_milliseconds() - seconds * 1000 - 500);
        const std::string line = lines_of(text())[0];
        const std::size_t begin = line.find("up ") + 3;
        return line.substr(begin, line.find("  gen") - begin);
    };
    EXPECT_EQ(up(0), "0s");
    EXPECT_EQ(up(59), "59s");
    EXPECT_EQ(up(3599), "59m 59s");
    EXPECT_EQ(up(3600), "1h 0m");
    EXPECT_EQ(up(10 * 86400), "10d 0h");
    const auto size = [&](std::uint64_t bytes) {
        scene_.board->ports[5].sent_bytes.set(bytes);
        const auto words = words_of(text(), "7001/tcp");
        return words[words.size() - 2] + " " + words.back();
    };
    EXPECT_EQ(size(0), "0 B");
    EXPECT_EQ(size(1023), "1023 B");
    EXPECT_EQ(size(1024), "1.0 KiB");
    EXPECT_EQ(size(1ull << 63), "8192.0 PiB");
}

// However long the names are, columns stand under their titles.
TEST_F(StatusTextTest, ColumnsAreAsWideAsTheirWords) {
    scene_.series.handlers[0].name = scene_.series.ports[0].handler =
        "a-handler-with-a-very-long-name-gr\xc3\xbc\xc3\x9f";
    const auto lines = lines_of(text());
    const auto column = [&](const std::string& title, const std::string& begin, const std::string& word) {
        const auto characters_before = [](const std::string& line, std::size_t end) {
            return std::count_if(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(end),
                                 [](char c) { return (c & 0xc0) != 0x80; });
        };
        std::size_t in_title = std::string::npos;
        for (const std::string& line : lines) {
            if (line.find(title) != std::string::npos) in_title = line.find(title);
            if (line.starts_with(begin))
                return characters_before(line, line.find(word)) == static_cast<std::ptrdiff_t>(in_title);
        }
        return false;
    };
    EXPECT_TRUE(column("DELIVERY", "7001/tcp", "handoff")) << text();
    EXPECT_TRUE(column("STATE", "a-handler", "ready")) << text();
}

// What only the keeper knows: the file, by name in the hint too, a stop under way, words of processes and their ends.
TEST_F(StatusTextTest, ShowsWhatTheKeeperAdds) {
    scene_.board->globals.last_reload_ok.set(0);
    json::object all = status();
    all["config"] = "/etc/houses.yaml";
    all["stopping"] = true;
    json::array& processes = all.at("handlers").at(0).at("processes").as_array();
    processes[0].as_object()["status"] = "serving\x1b[2J";
    processes[1].as_object()["last_end"] = "exit code 7";
    const std::string shown = status_text(json::serialize(all));
    EXPECT_TRUE(lines_of(shown)[0].ends_with("  generation 4  /etc/houses.yaml"));
    EXPECT_NE(shown.find("! stopping"), std::string::npos);
    EXPECT_NE(shown.find("portier check /etc/houses.yaml\n"), std::string::npos);
    EXPECT_NE(shown.find("  serving\\x1b[2J\n"), std::string::npos) << shown;
    EXPECT_NE(shown.find("  last ended: exit code 7\n"), std::string::npos) << shown;
}

// A handler that starts on demand and does not run has its line, too.
TEST_F(StatusTextTest, ShowsWhoSleeps) {
    const auto words = words_of(text(), "cake");
    ASSERT_GT(words.size(), 3u) << text();
    EXPECT_EQ(words[3], "asleep");
    EXPECT_TRUE(words_of(text(), "bread").empty());
}

// A relay's backends have a table of their own; a handler with a process for each connection says how many there are.
TEST_F(StatusTextTest, TextHasBackendsAndFlows) {
    EXPECT_EQ(text().find("BACKEND"), std::string::npos) << "there is no relay";
    scene_.series.handlers = {{.name = "store", .row = 3, .delivery = "relay", .backends = {{"127.0.0.1:6379", 1}}},
                              {.name = "git", .row = 4, .on_demand = true, .delivery = "spawn"}};
    scene_.series.ports[1].router_reads = true;
    scene_.series.ports[1].limit = 4096;
    scene_.board->ports[6].flows.created.add(5);
    scene_.board->handlers[4].spawned.add(3);
    scene_.board->backends[1].failures[0].add(2);
    using Words = std::vector<std::string>;
    EXPECT_EQ(words_of(text(), "store"), (Words{"store", "0", "127.0.0.1:6379", "down", "0", "2"}));
    EXPECT_EQ(words_of(text(), "git"),
              (Words{"git", "-", "-", "ready", "3", "-", "-", "-", "-", "one", "process", "each"}));
    EXPECT_EQ(words_of(text(), "7001/udp"), (Words{"7001/udp", "veg", "inherit", "5/4096", "5", "0"}));
}

// With inetd-wait the processes that run are all there is; none of them is for one connection.
TEST_F(StatusTextTest, ShowsOneLineForAProcessOfInetdWait) {
    scene_.series.handlers = {{.name = "tftp", .row = 4, .on_demand = true, .delivery = "spawn"}};
    scene_.board->globals.process_rows.set(100);
    metrics::ProcessRow& process = scene_.board->processes[99];
    process.handler.store(4);
    process.pid.store(4711);
    process.state.store(static_cast<std::uint32_t>(metrics::ProcessState::ready));
    const auto words = words_of(text(), "tftp");
    ASSERT_GT(words.size(), 3u) << text();
    EXPECT_EQ(words[2], "4711");
    EXPECT_EQ(text().find("one process each"), std::string::npos);
}

}  // namespace portier::admin

#include "admin/status.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "admin/scene.hpp"
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

class StatusTest : public testing::Test {
protected:
    json::object status() const { return json::parse(status_json(*scene_.board, scene_.series)).as_object(); }
    std::string text() const { return status_text(status_json(*scene_.board, scene_.series)); }

    Scene scene_;
};

}  // namespace

// What is true of the whole.
TEST_F(StatusTest, TellsTheWhole) {
    const json::object all = status();
    EXPECT_EQ(all.at("version"), kVersion);
    EXPECT_EQ(all.at("generation"), 4);
    EXPECT_NEAR(all.at("uptime_seconds").to_number<double>(), 90'061, 30);
    EXPECT_EQ(all.at("last_reload_successful"), true);
    EXPECT_EQ(all.at("keeper_pid"), 100);
    EXPECT_EQ(all.at("router_pid"), 101);
    EXPECT_EQ(all.at("router_restarts"), 2);
}

// A TCP port with its counters; a UDP port says nothing of connections, because it has none.
TEST_F(StatusTest, TellsPorts) {
    const json::array ports = status().at("ports").as_array();
    ASSERT_EQ(ports.size(), 2u);
    EXPECT_EQ(ports[0], (json::object{{"port", "7001/tcp"},
                                      {"protocol", "tcp"},
                                      {"handler", "veg"},
                                      {"delivery", "handoff"},
                                      {"active", 6},
                                      {"limit", 100},
                                      {"accepted", 10},
                                      {"rejected", 8},
                                      {"closed", 4},
                                      {"received_bytes", 2048},
                                      {"sent_bytes", 3 << 20},
                                      {"accept_queue", 9}}));
    EXPECT_EQ(ports[1].at("port"), "7001/udp");
    EXPECT_FALSE(ports[1].as_object().contains("active"));
}

// A handler with its processes, those that wait for their start too; a row that is free is nobody.
TEST_F(StatusTest, TellsHandlers) {
    scene_.board->globals.process_rows.set(4);
    const json::array handlers = status().at("handlers").as_array();
    ASSERT_EQ(handlers.size(), 3u);
    const json::value& veg = handlers[0];
    EXPECT_EQ(veg.at("handler"), "veg");
    EXPECT_EQ(veg.at("ready"), 1);
    EXPECT_EQ(veg.at("restarts"), 3);
    ASSERT_EQ(veg.at("processes").as_array().size(), 2u);
    const json::value& process = veg.at("processes").at(0);
    EXPECT_EQ(process.at("process"), 0);
    EXPECT_EQ(process.at("pid"), 1234);
    EXPECT_EQ(process.at("state"), "ready");
    EXPECT_EQ(process.at("connections"), 2);
    EXPECT_EQ(process.at("resident_bytes"), 1536);
    EXPECT_EQ(process.at("open_fds"), 12);
    EXPECT_GT(process.at("started").to_number<double>(), 1.6e9);
    EXPECT_EQ(veg.at("processes").at(1).at("state"), "waiting");
    EXPECT_EQ(handlers[1].at("processes"), json::array());
    EXPECT_EQ(handlers[2].at("on_demand"), true);
}

// A person reads first what is wrong; a handler on demand without a process is not wrong.
TEST_F(StatusTest, TextBeginsWithProblems) {
    scene_.board->globals.last_reload_ok.set(0);
    const auto lines = lines_of(text());
    ASSERT_GT(lines.size(), 4u);
    EXPECT_EQ(lines[0], std::string("portier ") + kVersion + "  up 1d 1h  generation 4");
    EXPECT_EQ(lines[1], "! the last reload was refused, the configuration before it is in force: portier check FILE");
    EXPECT_EQ(lines[2], "! handler bread has no ready process");
    EXPECT_EQ(lines[3], "");
    EXPECT_EQ(text().find("! handler cake"), std::string::npos);
}

// When nothing is wrong, nothing is said.
TEST_F(StatusTest, TextWithoutProblems) {
    scene_.series.handlers.erase(scene_.series.handlers.begin() + 1);
    EXPECT_EQ(text().find('!'), std::string::npos) << text();
}

// One line a port and one a process, in units that a person reads.
TEST_F(StatusTest, TextHasALineForEach) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(words_of(text(), "7001/tcp"),
              (Words{"7001/tcp", "veg", "handoff", "6/100", "10", "8", "9", "2.0", "KiB", "3.0", "MiB"}));
    EXPECT_EQ(words_of(text(), "7001/udp"), (Words{"7001/udp", "veg", "inherit"}));
    EXPECT_EQ(words_of(text(), "veg"), (Words{"veg", "0", "1234", "ready", "2", "12", "1.5", "KiB", "1m", "1s"}));
    EXPECT_EQ(words_of(text(), "PORT").size(), 9u) << "ACTIVE/LIMIT is one";
    scene_.series.ports[0].limit = 0;
    EXPECT_EQ(words_of(text(), "7001/tcp")[3], "6") << "no limit";
}

// Ages and sizes are short: two units, one digit.
TEST_F(StatusTest, TextAgesAndSizes) {
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

// Which handlers keep portier from being ready, in words.
TEST_F(StatusTest, NamesUnreadyHandlers) {
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "handler bread has no ready process\n");
    scene_.put_process(1, 0, 1234, metrics::ProcessState::draining);
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series),
              "handler veg has no ready process\nhandler bread has no ready process\n");
    scene_.series.handlers.clear();
    EXPECT_EQ(unready_handlers(*scene_.board, scene_.series), "");
}

}  // namespace portier::admin

#include "base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "support/log_capture.hpp"
#include "support/wait.hpp"

namespace portier {

using test::LogCapture;

// Text for a person: time, severity, role, message, then name=value, every foreign byte escaped.
TEST(Log, WritesReadableText) {
    const LogCapture capture({.least = LogSeverity::info, .json = false, .role = "keeper"});
    log_info("a \"message\"\n", {{"handler", "veg\x1b"}, {"process", 3}, {"duration", 0.5}});
    log_error("bad");
    const auto lines = capture.lines();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_NE(lines[0].find("info"), std::string::npos);
    EXPECT_NE(lines[0].find("keeper: a \"message\"\\x0a handler=veg\\x1b process=3 duration=0.5"), std::string::npos)
        << lines[0];
    EXPECT_NE(lines[1].find("error"), std::string::npos);
}

// One JSON object a line, numbers as numbers, whatever bytes the message and the values hold.
TEST(Log, WritesJson) {
    const LogCapture capture({.least = LogSeverity::info, .json = true, .role = "router"});
    const std::string foreign = "quote \" back\\slash \n \xff %d {} gr\xc3\xbc\xc3\x9f";
    log_warning(foreign,
                {{"text", foreign}, {"number", std::uint64_t{18446744073709551615u}}, {"minus", -1}, {"half", 0.5}});
    const auto lines = capture.lines();
    ASSERT_EQ(lines.size(), 1u);
    const boost::json::value line = boost::json::parse(lines[0]);
    const char* escaped = "quote \" back\\\\slash \\x0a \\xff %d {} gr\xc3\xbc\xc3\x9f";
    EXPECT_EQ(line.at("level").as_string(), "warning");
    EXPECT_EQ(line.at("role").as_string(), "router");
    EXPECT_EQ(line.at("message").as_string(), escaped);
    EXPECT_EQ(line.at("text").as_string(), escaped);
    EXPECT_EQ(line.at("number").to_number<std::uint64_t>(), 18446744073709551615u);
    EXPECT_EQ(line.at("minus").to_number<int>(), -1);
    EXPECT_EQ(line.at("half").to_number<double>(), 0.5);
    EXPECT_EQ(line.at("time").as_string().find("20"), 0u);
}

// Lines below the chosen severity are not written.
TEST(Log, LeavesOutWhatIsLessSevere) {
    const LogSeverity all[]{LogSeverity::debug, LogSeverity::info, LogSeverity::warning, LogSeverity::error};
    for (std::size_t least = 0; least < 4; ++least) {
        const LogCapture capture({.least = all[least], .json = false, .role = ""});
        for (const LogSeverity severity : all) log(severity, "line");
        EXPECT_EQ(capture.lines().size(), 4 - least);
    }
}

// A message that a fault repeats is one line a second; the next one says how many were left out.
TEST(Log, LimitsRepeatedMessages) {
    const LogCapture capture;
    for (int i = 0; i < 100; ++i) log_limited(LogSeverity::warning, "repeated fault", {{"number", i}});
    log_limited(LogSeverity::warning, "another fault");
    EXPECT_LE(capture.lines_with("repeated fault").size(), 2u);
    EXPECT_EQ(capture.lines_with("another fault").size(), 1u);
    EXPECT_TRUE(test::eventually([&] {
        log_limited(LogSeverity::warning, "repeated fault");
        return !capture.lines_with("more like it were left out").empty();
    }));
}

// A field's or message's text cannot pass for another field.
TEST(Log, TextCannotForgeFields) {
    const LogCapture capture({.least = LogSeverity::info, .json = false, .role = "keeper"});
    log_info("ended handler=other", {{"reason", "a b"}, {"empty", ""}, {"quoted", "x\"y"}, {"equals", "a=b"}});
    EXPECT_NE(capture.text().find(
                  "keeper: \"ended handler=other\" reason=\"a b\" empty=\"\" quoted=\"x\\\"y\" equals=\"a=b\"\n"),
              std::string::npos)
        << capture.text();
}

// However long the texts are, each line is whole.
TEST(Log, CutsLongTexts) {
    for (const bool json : {true, false}) {
        const LogCapture capture({.least = LogSeverity::info, .json = json, .role = "keeper"});
        log_info(std::string(20'000, '\x01'), {{"text", std::string(20'000, '"')}, {"process", 7}});
        const auto lines = capture.lines();
        ASSERT_EQ(lines.size(), 1u);
        EXPECT_LT(lines[0].size(), 32768u);
        EXPECT_GT(lines[0].size(), 16000u);
        EXPECT_NE(lines[0].find("\\x01 [cut]"), std::string::npos);
        if (json)
            EXPECT_EQ(boost::json::parse(lines[0]).at("process").to_number<int>(), 7);
        else
            EXPECT_TRUE(lines[0].ends_with("process=7"));
    }
}

// Nobody reads stderr: log() returns, and once somebody does, one line says how many were dropped.
TEST(Log, NeverWaitsForAReader) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd reader(ends[0]), before(::dup(STDERR_FILENO));
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    set_up_log({.least = LogSeverity::info, .json = true, .role = "keeper"});
    for (int i = 0; i < 2000; ++i) log_info(std::string(500, 'x'), {{"number", i}});
    const auto read_all = [&] {
        ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
        std::string text;
        char buffer[4096];
        for (ssize_t size; (size = ::read(reader.get(), buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(size));
        return text;
    };
    const std::string first = read_all();
    const auto written = static_cast<std::size_t>(std::count(first.begin(), first.end(), '\n'));
    log_info("again");
    log_info("and again");
    std::istringstream second(read_all());
    ::dup2(before.get(), STDERR_FILENO);
    set_up_log({});
    EXPECT_LT(written, 2000u);
    EXPECT_TRUE(first.ends_with("}\n")) << "lines go out whole";
    std::string line;
    ASSERT_TRUE(std::getline(second, line));
    EXPECT_EQ(boost::json::parse(line).at("message").as_string(), "log lines were dropped");
    EXPECT_EQ(boost::json::parse(line).at("lines").to_number<std::size_t>(), 2000 - written);
    ASSERT_TRUE(std::getline(second, line));
    EXPECT_EQ(boost::json::parse(line).at("message").as_string(), "again");
    ASSERT_TRUE(std::getline(second, line));
    EXPECT_FALSE(std::getline(second, line)) << line;
}

}  // namespace portier

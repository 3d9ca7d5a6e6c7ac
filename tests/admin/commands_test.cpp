#include "admin/commands.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "keeper/keeper.hpp"
#include "support/folder.hpp"
#include "support/log_capture.hpp"

namespace portier::admin {

namespace {

// A keeper that has not been started: enough for everything that needs no router.
class CommandsTest : public testing::Test {
protected:
    CommandsTest() {
        config::Config config;
        config.file = folder_ / "houses.yaml";
        config.handlers = {{.name = "veg"}};
        keeper_ = std::make_unique<keeper::Keeper>(io_, config, true);
    }

    boost::json::object ask(const std::string& request) {
        std::string answer = "none";
        dispatch_command(
            *keeper_, [this](std::function<void()> done) { stop_ = std::move(done); }, request,
            [&](const std::string& text) { answer = text; });
        answer_ = answer;
        return answer == "none" ? boost::json::object{} : boost::json::parse(answer).as_object();
    }

    test::LogCapture log_;
    test::Folder folder_;
    boost::asio::io_context io_{1};
    std::unique_ptr<keeper::Keeper> keeper_;
    std::function<void()> stop_;
    std::string answer_;
};

}  // namespace

// Whatever is no command is answered, and nothing happens.
TEST_F(CommandsTest, GarbageIsAnUnknownCommand) {
    for (const char* garbage : {"", "\n", "status", "{", "[]", "7", "{\"command\": 7}", "{\"command\": \"dance\"}",
                                "{\"other\": \"status\"}", "{\"command\": \"stop\"} {}", "\xff\xfe"}) {
        const auto answer = ask(garbage);
        EXPECT_EQ(answer, (boost::json::object{{"ok", false}, {"text", "unknown command\n"}})) << garbage;
    }
    const std::string deep(3000, '[');
    EXPECT_EQ(ask(deep).at("ok"), false);
    EXPECT_FALSE(stop_);
}

// `status` is the state of everything, and why the last reload was refused.
TEST_F(CommandsTest, StatusTellsTheState) {
    const auto answer = ask("{\"command\": \"status\"}\n");
    EXPECT_EQ(answer.at("ok"), true);
    const auto& status = answer.at("status").as_object();
    EXPECT_EQ(status.at("handlers").at(0).at("handler"), "veg");
    EXPECT_EQ(status.at("last_reload_error"), "");
    EXPECT_EQ(status.at("config").as_string(), folder_ / "houses.yaml");
    EXPECT_EQ(status.at("stopping"), false);
    EXPECT_EQ(status.at("stop_seconds").to_number<double>(), 40);
}

// `reload` of a file that is not there is refused in the words of `portier check`, and `status` remembers them.
TEST_F(CommandsTest, ReloadSaysWhatIsWrong) {
    const auto answer = ask("{\"command\": \"reload\"}");
    EXPECT_EQ(answer.at("ok"), false);
    EXPECT_EQ(answer.at("generation"), 0);
    EXPECT_EQ(answer.at("diagnostics").at(0).at("severity"), "error");
    EXPECT_EQ(ask("{\"command\": \"reload\", \"dry_run\": true}").at("diagnostics"), answer.at("diagnostics"));
    const std::string text(answer.at("text").as_string());
    EXPECT_NE(text.find("houses.yaml"), std::string::npos) << text;
    EXPECT_EQ(ask("{\"command\": \"status\"}").at("status").at("last_reload_error").as_string(), text);
    EXPECT_EQ(log_.lines_with("reload refused, everything stays as it was").size(), 1u);
}

// `stop` is answered when everything has ended, not before.
TEST_F(CommandsTest, StopAnswersAtTheEnd) {
    std::string answer;
    dispatch_command(
        *keeper_, [this](std::function<void()> done) { stop_ = std::move(done); }, "{\"command\": \"stop\"}",
        [&](const std::string& text) { answer = text; });
    ASSERT_TRUE(stop_);
    EXPECT_EQ(answer, "");
    stop_();
    EXPECT_EQ(boost::json::parse(answer), (boost::json::object{{"ok", true}, {"text", "stopped\n"}}));
}

}  // namespace portier::admin

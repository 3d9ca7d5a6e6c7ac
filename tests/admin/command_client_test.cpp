#include "admin/command_client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <system_error>

#include "admin/command_server.hpp"
#include "support/folder.hpp"
#include "support/wait.hpp"

namespace portier::admin {

namespace {

class CommandClientTest : public testing::Test {
protected:
    // ask() waits, so it has a thread of its own; the answer or the error as text.
    std::string asked(const std::string& request) {
        auto answer = std::async(std::launch::async, [&] {
            try {
                return ask(path_, request);
            } catch (const std::system_error& error) {
                return std::string(error.what());
            }
        });
        EXPECT_TRUE(test::run_until(
            io_, [&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
        return answer.get();
    }

    test::Folder folder_;
    std::string path_ = folder_ / "portier.sock";
    boost::asio::io_context io_{1};
};

}  // namespace

// The request arrives as one line, and the whole answer comes back, however long.
TEST_F(CommandClientTest, AsksAndHears) {
    const CommandServer server(io_, path_, [](const std::string& request, const CommandServer::Answer& answer) {
        answer(request == "long\n" ? std::string(3'000'000, 'x') : "heard " + request.substr(0, request.size() - 1));
    });
    EXPECT_EQ(asked("a question"), "heard a question\n");
    EXPECT_EQ(asked("long").size(), 3'000'001u);
}

// Nobody there, with a file or without: the error says where it has looked.
TEST_F(CommandClientTest, SaysThatNobodyAnswers) {
    EXPECT_EQ(asked("x"), "no portier answers at " + path_ + ": No such file or directory");
    folder_.write("portier.sock", "");
    EXPECT_EQ(asked("x"), "no portier answers at " + path_ + ": Connection refused");
}

// A server that ends before it answers is an error, not an empty answer.
TEST_F(CommandClientTest, SaysThatTheAnswerIsMissing) {
    const CommandServer server(io_, path_, [](const std::string&, const CommandServer::Answer&) {});
    EXPECT_EQ(asked("x"), "portier at " + path_ + " ended before it answered: Connection reset by peer");
}

}  // namespace portier::admin

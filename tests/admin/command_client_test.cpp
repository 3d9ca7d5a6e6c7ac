#include "admin/command_client.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <system_error>

#include "admin/command_address.hpp"
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
    const std::string next = "; start it with portier run FILE; of another one say --socket PATH: ";
    EXPECT_EQ(asked("x"),
              "no portier answers at " + path_ + ", there is no socket" + next + "No such file or directory");
    folder_.write("portier.sock", "");
    EXPECT_EQ(asked("x"),
              "no portier answers at " + path_ + ", it ended and left its socket" + next + "Connection refused");
}

// The socket is there, but it is for others.
TEST_F(CommandClientTest, SaysWhoMayAsk) {
    const CommandServer server(io_, path_, [](const std::string&, const CommandServer::Answer&) {});
    const bool root = ::geteuid() == 0;
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(path_.c_str(), root ? 0600 : 0), 0);
    ASSERT_TRUE(!root || ::seteuid(54321) == 0);
    const std::string answer = asked("x");
    ASSERT_TRUE(!root || ::seteuid(0) == 0);
    EXPECT_EQ(answer, "you may not ask the portier at " + path_ +
                          "; only root and the user that started it may: Permission denied");
}

// A server that ends before it answers is an error, not an empty answer.
TEST_F(CommandClientTest, SaysThatTheAnswerIsMissing) {
    const CommandServer server(io_, path_, [](const std::string&, const CommandServer::Answer&) {});
    EXPECT_EQ(asked("x"), "portier at " + path_ + " ended before it answered: Connection reset by peer");
}

// Whoever was quicker to make a socket there is not talked to, except by root.
TEST_F(CommandClientTest, RefusesStrangers) {
    ASSERT_EQ(::chmod(folder_.path().c_str(), 01777), 0);
    const uid_t self = ::geteuid();
    const auto become = [self](uid_t user) { ASSERT_TRUE(self != 0 || ::seteuid(user) == 0); };  // only root can
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = command_address(path_);
    become(54321);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::chmod(path_.c_str(), 0777), 0);
    ASSERT_EQ(::listen(listener.get(), 10), 0);
    become(0);
    for (const uid_t user : {54321, 54322, 0}) {
        become(user);
        auto answer = std::async(std::launch::async, [&] {
            try {
                return ask(path_, "x");
            } catch (const std::system_error& error) {
                return std::string(error.what());
            }
        });
        { const Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
        const bool stranger =
            answer.get() == "user 54321 listens at " + path_ + ", neither you nor root: Operation not permitted";
        become(0);
        EXPECT_EQ(stranger, self == 0 && user == 54322) << user;
    }
}

}  // namespace portier::admin

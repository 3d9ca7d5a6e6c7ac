#include "admin/command_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <system_error>
#include <vector>

#include "admin/client.hpp"
#include "support/folder.hpp"
#include "support/wait.hpp"

namespace portier::admin {

namespace {

class CommandServerTest : public testing::Test {
protected:
    // Answers with what it was asked; "later" is answered when the test wants it, "much" with a megabyte.
    std::unique_ptr<CommandServer> serve(const std::string& path) {
        return std::make_unique<CommandServer>(
            io_, path, [this](const std::string& request, CommandServer::Answer answer) {
                requests_.push_back(request);
                if (request == "later\n")
                    postponed_ = std::move(answer);
                else
                    answer(request == "much\n" ? std::string(1 << 20, 'x')
                                               : "you said " + request.substr(0, request.find('\n')));
            });
    }

    template <typename Condition>
    bool run_until(Condition condition) {
        return test::run_until(io_, condition);
    }
    bool answers() {
        Client client(path_);
        client.send("hello\n");
        return run_until([&] { return client.is_closed(); }) && client.received() == "you said hello\n";
    }
    std::string failure_of(const std::string& path) {
        try {
            serve(path);
        } catch (const std::system_error& error) {
            return error.what();
        }
        return "it serves";
    }

    test::Folder folder_;
    std::string path_ = folder_ / "portier.sock";
    boost::asio::io_context io_{1};
    std::vector<std::string> requests_;
    CommandServer::Answer postponed_;
};

}  // namespace

// One line in, one line out, then the connection ends; a line may come in pieces.
TEST_F(CommandServerTest, AnswersALine) {
    const auto server = serve(path_);
    EXPECT_TRUE(answers());
    Client slow(path_);
    slow.send("in pi");
    test::run_ready(io_);
    EXPECT_EQ(slow.received(), "");
    slow.send("eces\n");
    ASSERT_TRUE(run_until([&] { return slow.is_closed(); }));
    EXPECT_EQ(slow.received(), "you said in pieces\n");
}

// An answer may come later; meanwhile others are served.
TEST_F(CommandServerTest, MayAnswerLater) {
    const auto server = serve(path_);
    Client patient(path_);
    patient.send("later\n");
    ASSERT_TRUE(run_until([&] { return postponed_ != nullptr; }));
    EXPECT_TRUE(answers());
    EXPECT_EQ(patient.received(), "");
    postponed_("at last");
    postponed_ = nullptr;
    ASSERT_TRUE(run_until([&] { return patient.is_closed(); }));
    EXPECT_EQ(patient.received(), "at last\n");
}

// A client that is gone before its answer comes harms nobody.
TEST_F(CommandServerTest, SurvivesClientsThatLeave) {
    const auto server = serve(path_);
    {
        Client hasty(path_);
        hasty.send("later\n");
        ASSERT_TRUE(run_until([&] { return postponed_ != nullptr; }));
    }
    postponed_("too late");
    { Client mute(path_); }
    { Client(path_).send("half a li"); }
    EXPECT_TRUE(answers());
}

// A request without an end is cut off, and nobody is asked to act on it.
TEST_F(CommandServerTest, CutsOffEndlessRequests) {
    const auto server = serve(path_);
    Client endless(path_);
    endless.send(std::string(100'000, 'x'));
    ASSERT_TRUE(run_until([&] { return endless.is_closed(); }));
    EXPECT_TRUE(requests_.empty());
    EXPECT_TRUE(answers());
}

// Clients that say nothing, or do not read their answer, are left after a while; the others are served all the time.
TEST_F(CommandServerTest, SilentClientsTimeOut) {
    const auto server = serve(path_);
    Client silent(path_), deaf(path_);
    deaf.send("much\n");
    ASSERT_TRUE(run_until([&] { return !requests_.empty(); }));
    EXPECT_TRUE(answers());
    ASSERT_TRUE(run_until([&] { return silent.is_closed(); }));
    EXPECT_EQ(silent.received(), "");
    ASSERT_TRUE(run_until([&] { return deaf.is_hung_up(); }));
    EXPECT_LT(deaf.received().size(), 1u << 20) << "the server did not wait for it";
    EXPECT_TRUE(answers());
}

// Only so many at once; who comes too much is closed, and when others have gone there is room again.
TEST_F(CommandServerTest, IsBounded) {
    const auto server = serve(path_);
    std::vector<Client> crowd;
    for (int i = 0; i < 32; ++i) crowd.emplace_back(path_);
    test::run_ready(io_);
    Client one_too_many(path_);
    ASSERT_TRUE(run_until([&] { return one_too_many.is_closed(); }));
    for (Client& client : crowd) EXPECT_FALSE(client.is_closed());
    crowd.clear();
    test::run_ready(io_);
    EXPECT_TRUE(answers());
}

// Without descriptors it waits instead of spinning, and goes on when there are some again.
TEST_F(CommandServerTest, WaitsForDescriptors) {
    const auto server = serve(path_);
    Client client(path_);
    client.send("hello\n");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const Fd lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit none{static_cast<rlim_t>(lowest_free.get()), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    std::size_t turns = 0;
    while (turns < 1000 && io_.poll_one() > 0) ++turns;
    const std::string during = client.received();
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_LT(turns, 10u);
    EXPECT_EQ(during, "");
    ASSERT_TRUE(run_until([&] { return client.is_closed(); }));
    EXPECT_EQ(client.received(), "you said hello\n");
}

// A second server on the same path is refused and the first one goes on.
TEST_F(CommandServerTest, RefusesASecondServer) {
    const auto server = serve(path_);
    EXPECT_EQ(failure_of(path_), "command socket " + path_ + ": another portier listens there: Address already in use");
    EXPECT_TRUE(answers());
}

}  // namespace portier::admin

#include "keeper/resolver.hpp"

#include <unistd.h>

#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

config::Config config_with(const std::vector<std::string>& hosts) {
    config::Config config;
    config::Handler& handler = config.handlers.emplace_back();
    int line = 0;
    for (const std::string& host : hosts)
        handler.connect.push_back(
            {.text = host + ":80", .mark = {"houses.yaml", ++line, 5}, .host = host, .port = 80, .path = {}});
    return config;
}

// A shell in place of the helper; its arguments are the names.
proc::Command script(const std::string& text) {
    proc::Command command;
    command.program = "/bin/sh";
    command.argv = {"sh", "-c", text, "sh"};
    command.environment = {{"PATH", "/usr/bin:/bin"}};
    return command;
}

class ResolverTest : public Stage {
protected:
    // What resolve() calls back with.
    struct Outcome {
        bool called = false;
        Addresses addresses;
        std::string problem;
    };

    void resolve(Resolver& resolver, const config::Config& config, Outcome& outcome) {
        resolver.resolve(config, [&outcome](const Addresses& addresses, const std::string& problem) {
            EXPECT_FALSE(outcome.called);
            outcome = {true, addresses, problem};
        });
    }

    std::string problem_now(Resolver& resolver, const config::Config& config) {
        try {
            resolver.resolve_now(config);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
};

const std::string kAnswers = "for name; do echo $name 10.0.0.1 ::1; done";

}  // namespace

TEST_F(ResolverTest, GivesTheAddressesOfEachNameAtOnce) {
    Resolver resolver(io_, script(kAnswers));
    const Addresses addresses = resolver.resolve_now(config_with({"db", "127.0.0.1", "web", "db", ""}));
    ASSERT_EQ(addresses.size(), 2u);
    EXPECT_EQ(addresses.at("db"),
              (std::vector<net::Address>{*net::parse_address("10.0.0.1"), *net::parse_address("::1")}));
    EXPECT_TRUE(addresses.contains("web"));
}

TEST_F(ResolverTest, GivesThemFromTheEventLoop) {
    Resolver resolver(io_, script(kAnswers));
    Outcome outcome;
    resolve(resolver, config_with({"db"}), outcome);
    EXPECT_FALSE(outcome.called);
    ASSERT_TRUE(run_until([&] { return outcome.called; }));
    EXPECT_EQ(outcome.problem, "");
    EXPECT_EQ(outcome.addresses.at("db").size(), 2u);
}

// No name, no process.
TEST_F(ResolverTest, AddressesNeedNoHelper) {
    Resolver resolver(io_, script("exit 1"));
    EXPECT_TRUE(resolver.resolve_now(config_with({"127.0.0.1", "::1", ""})).empty());
    Outcome outcome;
    resolve(resolver, config_with({"127.0.0.1"}), outcome);
    EXPECT_TRUE(outcome.called);
    EXPECT_EQ(outcome.problem, "");
}

// Each name that has no address is told with its place and the reason.
TEST_F(ResolverTest, SaysWhichNameAndWhere) {
    Resolver resolver(io_, script("echo good 10.0.0.1; echo 'bad ! Name or service not known'"));
    const config::Config config = config_with({"good", "bad", "forgotten", "bad"});
    const std::string wanted =
        "houses.yaml:2:5: the name bad has no address: Name or service not known\n"
        "houses.yaml:3:5: the name forgotten has no address: the lookup process ended without an answer";
    EXPECT_EQ(problem_now(resolver, config), wanted);
    Outcome outcome;
    resolve(resolver, config, outcome);
    ASSERT_TRUE(run_until([&] { return outcome.called; }));
    EXPECT_EQ(outcome.problem, wanted + "\n");
}

TEST_F(ResolverTest, DoesNotWaitForEver) {
    Resolver resolver(io_, script("echo good 10.0.0.1; exec sleep 1000"), milliseconds(100));
    const config::Config config = config_with({"good", "slow"});
    const std::string wanted = "houses.yaml:2:5: the name slow has no address: no answer within 100ms";
    EXPECT_EQ(problem_now(resolver, config), wanted);
    Outcome outcome;
    resolve(resolver, config, outcome);
    ASSERT_TRUE(run_until([&] { return outcome.called; }));
    EXPECT_EQ(outcome.problem, wanted + "\n");
}

// What is no answer of ours does not hurt, and what it says is shown harmlessly.
TEST_F(ResolverTest, BelievesNoNonsense) {
    Resolver resolver(io_, script("printf 'a\\n\\nb 1.2.3\\nc ! \\033[31m\\nd 10.0.0.1 x ::\\n'"));
    const std::string problem = problem_now(resolver, config_with({"a", "b", "c", "d"}));
    EXPECT_NE(problem.find("the name a has no address"), std::string::npos);
    EXPECT_NE(problem.find("the name b has no address"), std::string::npos);
    EXPECT_NE(problem.find("\\x1b[31m"), std::string::npos);
    EXPECT_EQ(problem.find("the name d"), std::string::npos);
}

// What was called off is not told, and its process is gone.
TEST_F(ResolverTest, ForgetsWhatWasCalledOff) {
    Resolver resolver(io_, script("case $1 in first) exec sleep 1000;; esac; echo $1 10.0.0.1"));
    Outcome first, second;
    resolve(resolver, config_with({"first"}), first);
    resolve(resolver, config_with({"second"}), second);
    ASSERT_TRUE(run_until([&] { return second.called; }));
    EXPECT_FALSE(first.called);
    resolve(resolver, config_with({"first"}), first);
    resolver.cancel();
    EXPECT_FALSE(resolver.owns(::getpid()));
    io_.restart();
    io_.run_for(milliseconds(50));
    EXPECT_FALSE(first.called);
}

}  // namespace portier::keeper

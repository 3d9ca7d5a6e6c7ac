#include "keeper/notify_socket.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "keeper/stage.hpp"
#include "net/channel.hpp"
#include "proc/spawn.hpp"
#include "support/tcp.hpp"

namespace portier::keeper {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

class NotifySocketTest : public Stage {
protected:
    void send(const std::string& message) const { send_to_abstract(socket_.name(), message); }
    bool run_until_heard(std::size_t count) {
        return run_until([&] { return heard_.size() >= count; });
    }

    // Sends as another user from another process, which waits until everything it sent was read.
    void send_as_somebody(const std::string& message) {
        child_ = proc::spawn({.program = "/usr/bin/python3",
                              .argv = {"python3", "-I", "-c", kSay, socket_.name(), message},
                              .identity = ::geteuid() == 0 ? proc::find_identity("daemon", "") : std::nullopt},
                             "test");
        ASSERT_TRUE(run_until([&] { return is_gone(child_.pid); }));
        EXPECT_EQ(proc::reap(child_)->value, 0);
        test::run_ready(io_);
    }

    // The barrier of sd_notify_barrier(3): the pipe is closed once the messages before it were read.
    static constexpr const char* kSay =
        "import array, os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect('\\0' + sys.argv[1][1:])\n"
        "s.send(sys.argv[2].encode()); r, w = os.pipe()\n"
        "s.sendmsg([b'BARRIER=1'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w]))])\n"
        "os.close(w); os.read(r, 1)\n";

    Variables heard_;
    bool is_ours_ = false;
    proc::Child child_;
    NotifySocket socket_{
        io_,
        closer_,
        {.is_ours = [this](pid_t pid) { return is_ours_ && pid == child_.pid; },
         .variable = [this](std::string_view key, std::string_view value) { heard_.emplace_back(key, value); }}};
};

}  // namespace

// A message may carry several variables; each is told, in order, with everything behind the first '='.
TEST_F(NotifySocketTest, TellsVariables) {
    send("READY=1\nSTATUS=a=b c\nEMPTY=");
    send("WATCHDOG=1\n");
    ASSERT_TRUE(run_until_heard(4));
    EXPECT_EQ(heard_, (Variables{{"READY", "1"}, {"STATUS", "a=b c"}, {"EMPTY", ""}, {"WATCHDOG", "1"}}));
}

// Garbage, an empty and an overlong message are passed over, and what comes after them is heard.
TEST_F(NotifySocketTest, PassesOverGarbage) {
    send("");
    send("no variable");
    send("\n\n\n");
    send(std::string("\0\xff\x01", 3));
    send(std::string(10000, 'x'));
    send("STATUS=" + std::string(10000, 'x'));
    send("READY=1");
    ASSERT_TRUE(run_until_heard(1));
    EXPECT_EQ(heard_, (Variables{{"READY", "1"}}));
}

// More messages than are read in one turn are all heard. (The kernel queues ten of a sender that does not wait.)
TEST_F(NotifySocketTest, HearsAll) {
    for (std::size_t i = 1; i <= 100; ++i) {
        send("N=" + std::to_string(i));
        ASSERT_TRUE(run_until_heard(i));
    }
    EXPECT_EQ(heard_.back().second, "100");
}

// Descriptors that come along are closed: for sd_notify_barrier(3) that is the answer it waits for.
TEST_F(NotifySocketTest, ClosesDescriptors) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const Fd sender = connect_to_abstract(socket_.name());
    const std::string message = "BARRIER=1";
    const int descriptor = write_end.get();
    ASSERT_FALSE(net::send_message(sender.get(), std::as_bytes(std::span(message)), {&descriptor, 1}));
    write_end.reset();
    char byte;
    EXPECT_TRUE(run_until([&] { return ::read(read_end.get(), &byte, 1) == 0; })) << "the end of the pipe is seen";
    EXPECT_EQ(heard_, (Variables{{"BARRIER", "1"}}));
}

// Whoever sends sockets that linger, in a message that is read, after one that is, or never, makes nobody wait; all
// that the kernel lets through at once are taken.
TEST_F(NotifySocketTest, WaitsForNoDescriptor) {
    constexpr int kLinger = 40;
    const auto begin = std::chrono::steady_clock::now();
    const Fd listener = test::listen_somewhere();
    std::vector<Fd> clients;
    const auto send_lingering = [&](const Fd& to, const std::string& message) {
        test::Pair pair = test::make_lingering_pair(listener, kLinger);
        clients.push_back(std::move(pair.client));
        std::vector<int> many(net::kMostDescriptors, listener.get());
        many.back() = pair.accepted.get();
        ASSERT_FALSE(net::send_message(to.get(), std::as_bytes(std::span(message)), many));
    };
    {
        NotifySocket doomed(io_, closer_, {.is_ours = nullptr, .variable = nullptr});
        const Fd sender = connect_to_abstract(socket_.name()), other = connect_to_abstract(doomed.name());
        send_lingering(sender, "STATUS=1");
        send_lingering(sender, std::string(5000, 'x'));
        send("READY=1");
        ASSERT_TRUE(run_until_heard(2));
        send_lingering(other, "STATUS=unread");
    }
    EXPECT_EQ(heard_, (Variables{{"STATUS", "1"}, {"READY", "1"}}));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(kLinger / 2));
    for (Fd& client : clients) test::reset(client);
    EXPECT_TRUE(run_until_no_child());
}

// The name can be read by everybody (/proc/net/unix). Somebody else's process is heard only if it is one of the
// handler's; what it sends is read and thrown away.
TEST_F(NotifySocketTest, ListensToItsOwnOnly) {
    send_as_somebody("READY=1");
    EXPECT_EQ(heard_.empty(), ::geteuid() == 0) << "without root all are of one user, who is heard";
    heard_.clear();
    is_ours_ = true;
    send_as_somebody("READY=1");
    EXPECT_EQ(heard_, (Variables{{"READY", "1"}, {"BARRIER", "1"}}));
}

// No two names are alike, and none can be guessed from another.
TEST_F(NotifySocketTest, NamesDiffer) {
    const NotifySocket other(io_, closer_, {.is_ours = nullptr, .variable = nullptr});
    EXPECT_NE(socket_.name(), other.name());
    EXPECT_EQ(socket_.name().substr(0, 16), "@portier/notify/");
    EXPECT_EQ(socket_.name().size(), 16u + 32u);
}

}  // namespace portier::keeper

// What the tests of spawn() share: programs to start and ways to look at them from outside.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>
#include <system_error>

#include "proc/spawn.hpp"
#include "support/processes.hpp"
#include "support/wait.hpp"

namespace portier::proc {

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
    Fd read, write;
};

inline Command shell(const std::string& script) {
    return {.program = "/bin/sh", .argv = {"sh", "-c", script}, .environment = {{"PATH", "/usr/bin:/bin"}}};
}

inline std::string read_all(const Fd& fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(size));
    return text;
}

// Runs a script to its end and gives back what it printed.
inline std::string output_of(Command command) {
    Pipe pipe;
    command.descriptors.emplace_back(STDOUT_FILENO, pipe.write.get());
    const Child child = spawn(command, "test");
    pipe.write.reset();
    const std::string text = read_all(pipe.read);
    reap(child);
    return text;
}

inline std::string failure_of(const Command& command) {
    try {
        const Child child = spawn(command, "handler veg");
        kill_group(child, SIGKILL);
        reap(child);
    } catch (const std::system_error& error) {
        return error.what();
    }
    return "it started";
}

inline bool no_child_left() {
    return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
}

inline std::size_t own_descriptors() {
    return test::open_descriptors(::getpid()).size();
}

// A process (cat) that stays until its input ends, to be looked at from outside.
class Waiting {
public:
    explicit Waiting(Command command) {
        command.program = "/bin/cat";
        command.argv = {"cat"};
        command.descriptors.emplace_back(STDIN_FILENO, input_.read.get());
        child_ = spawn(command, "test");
    }
    ~Waiting() {
        input_.write.reset();
        const auto ending = reap(child_);
        EXPECT_TRUE(ending && ending->exited && ending->value == 0);
    }

    pid_t pid() const { return child_.pid; }
    std::string input() const { return test::target_of(input_.read.get()); }

    void expect_descriptors(std::map<int, std::string> wanted) const {
        wanted.try_emplace(0, input());
        wanted.try_emplace(1, "/dev/null");
        wanted.try_emplace(2, "/dev/null");
        // Later than exec: the dynamic linker opens libraries for a moment.
        std::map<int, std::string> got;
        test::eventually([&] { return (got = test::open_descriptors(pid())) == wanted; });
        EXPECT_EQ(got, wanted);
    }

private:
    Pipe input_;
    Child child_;
};

}  // namespace portier::proc

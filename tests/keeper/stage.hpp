// What tests of router/keeper stand on: an event loop, a board, handlers that are real shells, and what a handler
// process would say to its notify socket.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <cstring>

#include "config/config.hpp"
#include "keeper/rows.hpp"
#include "keeper/slot.hpp"
#include "keeper/socket_set.hpp"
#include "metrics/board.hpp"
#include "support/free_port.hpp"
#include "support/log_capture.hpp"
#include "support/processes.hpp"
#include "support/wait.hpp"

namespace portier::keeper {

using std::chrono::milliseconds;

// Nothing of it runs any more; a zombie that its new parent has not reaped yet counts as gone.
inline bool is_gone(pid_t pid) {
    const std::string state = test::status_field(pid, "State");
    return state.empty() || state[0] == 'Z' || state[0] == 'X';
}

// A datagram socket whose other end is the abstract socket "@...".
inline Fd connect_to_abstract(const std::string& name) {
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0) << name;
    return fd;
}

inline void send_to_abstract(const std::string& name, const std::string& message) {
    const Fd fd = connect_to_abstract(name);
    EXPECT_EQ(::send(fd.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size())) << name;
}

// What a handler process was given. For a moment within exec(2) there is nothing to be seen.
inline std::map<std::string, std::string> environment_of_handler(pid_t pid) {
    std::map<std::string, std::string> result;
    test::eventually([&] { return (result = test::environment_of(pid)).contains("NOTIFY_SOCKET"); });
    return result;
}

// As the process `pid` would, which knows the socket from its environment.
inline void notify(pid_t pid, const std::string& message) {
    send_to_abstract(environment_of_handler(pid).at("NOTIFY_SOCKET"), message);
}

// A handler whose processes run this script; `inherit` without a port needs no router.
inline config::Handler shell_handler(const std::string& name, const std::string& script) {
    return {.name = name,
            .delivery = config::Delivery::inherit,
            .command = {"sh", "-c", script},
            .program = "/bin/sh",
            .restart = {.first = milliseconds(10), .max = milliseconds(40)},
            .stop = {.signal = SIGTERM, .timeout = milliseconds(30000)}};
}

inline const char* const kStays = "exec sleep 1000";

inline config::Port port_entry(const std::string& handler, config::Protocol protocol, std::uint16_t first,
                               std::uint16_t last = 0) {
    const bool range = last > first;
    return {.key = std::to_string(first) + (range ? "-" + std::to_string(last) : "") + "/" + to_string(protocol),
            .mark = {.file = "houses.yaml", .line = 3, .column = 5},
            .protocol = protocol,
            .address = test::kLoopback,
            .first = first,
            .last = range ? last : first,
            .handler = handler};
}

class Stage : public testing::Test {
protected:
    ~Stage() override {
        EXPECT_TRUE(run_until([this] { return closer_.idle(); }));
    }

    SlotContext context() { return {io_, *board_, rows_, next_number_, closer_}; }
    metrics::ProcessRow& row(std::uint32_t number) const { return board_->processes[number]; }

    template <typename Condition>
    bool run_until(Condition condition) {
        return test::run_until(io_, condition);
    }

    // Until everybody who closes something for us has been reaped.
    bool run_until_no_child() {
        return run_until([] {
            siginfo_t info;
            return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
        });
    }

    // Until a script has said so on its standard output.
    bool run_until_said(const std::string& words) {
        return run_until([&] { return !log_.lines_with("\"" + words).empty(); });
    }

    // The number behind "said " in the log.
    pid_t number_behind(const std::string& words) const {
        const auto lines = log_.lines_with("\"" + words);
        return lines.empty() ? 0 : std::atoi(lines[0].c_str() + lines[0].find(words) + words.size());
    }

    test::LogCapture log_;
    boost::asio::io_context io_{1};
    Closer closer_{io_};
    metrics::BoardMemory board_ = metrics::BoardMemory::create();
    Rows rows_{*board_};
    std::uint32_t next_number_ = 100;
};

}  // namespace portier::keeper

#include "keeper/spawn_command.hpp"

#include <unistd.h>

namespace portier::keeper {

namespace {

constexpr int kFirstSystemdDescriptor = 3;  // SD_LISTEN_FDS_START

// As inetd(8); REMOTE_HOST as xinetd sets it when it looks up no names.
void add_inetd(proc::Command& command, const ConnectionToServe& connection) {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        command.descriptors.emplace_back(standard, connection.socket);
    command.environment["REMOTE_HOST"] = net::to_string(connection.remote.address);
}

// As tcpserver(1); the names of the hosts stay unset, which is what programs expect where no name is known.
// TCPCONNNUM is s6-tcpserver's.
void add_ucspi(proc::Command& command, const ConnectionToServe& connection) {
    command.descriptors.emplace_back(STDIN_FILENO, connection.socket);
    command.descriptors.emplace_back(STDOUT_FILENO, connection.socket);
    command.descriptors.emplace_back(STDERR_FILENO, connection.log);
    command.environment["PROTO"] = "TCP";
    command.environment["TCPLOCALIP"] = net::to_string(connection.local.address);
    command.environment["TCPLOCALPORT"] = std::to_string(connection.local.port);
    command.environment["TCPREMOTEIP"] = net::to_string(connection.remote.address);
    command.environment["TCPREMOTEPORT"] = std::to_string(connection.remote.port);
    command.environment["TCPCONNNUM"] = std::to_string(connection.from_this_address);
}

// As systemd.socket(5) with Accept=yes, and sd_listen_fds(3).
void add_systemd(proc::Command& command, const ConnectionToServe& connection) {
    command.descriptors.emplace_back(STDOUT_FILENO, connection.log);
    command.descriptors.emplace_back(STDERR_FILENO, connection.log);
    command.descriptors.emplace_back(kFirstSystemdDescriptor, connection.socket);
    command.environment["LISTEN_FDS"] = "1";
    command.environment["LISTEN_FDNAMES"] = "connection";
    command.pid_variable = "LISTEN_PID";
    command.environment["REMOTE_ADDR"] = net::to_string(connection.remote.address);
    command.environment["REMOTE_PORT"] = std::to_string(connection.remote.port);
}

}  // namespace

void add_connection(proc::Command& command, config::Style style, const ConnectionToServe& connection) {
    switch (style) {
        case config::Style::inetd: return add_inetd(command, connection);
        case config::Style::ucspi: return add_ucspi(command, connection);
        case config::Style::systemd: return add_systemd(command, connection);
        case config::Style::inetd_wait: return;
    }
}

}  // namespace portier::keeper

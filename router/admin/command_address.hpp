// Where the command socket is, for the server and the command line. Any thread.
#pragma once

#include <sys/un.h>

#include <string>

namespace portier::admin {

// --socket, then $PORTIER_SOCKET, then `configured` (admin.socket), then the default for this user:
// /run/portier/portier.sock for root, else portier.sock in $XDG_RUNTIME_DIR or in /tmp/portier-UID.
std::string command_path(const std::string& option, const std::string& configured);

// The folder of a path, "." for a mere name.
std::string folder_of(const std::string& path);

// Why the folder of this socket is no safe place, in words: somebody else could put another socket there. Empty: it is
// safe, or there is none.
std::string folder_problem(const std::string& path);

// Throws std::system_error when the path is too long for a Unix socket (107 bytes).
sockaddr_un command_address(const std::string& path);

}  // namespace portier::admin

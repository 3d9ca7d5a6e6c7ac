// Where the command socket is, for the server and the command line. Any thread.
#pragma once

#include <sys/un.h>

#include <string>

namespace portier::admin {

// --socket, then $PORTIER_SOCKET, then `configured` (admin.socket), then the default for this user: /run/portier/portier.sock
// for root, else portier.sock in $XDG_RUNTIME_DIR or in /tmp/portier-UID.
std::string command_path(const std::string& option, const std::string& configured);

// Throws std::system_error when the path is too long for a Unix socket (107 bytes).
sockaddr_un command_address(const std::string& path);

}  // namespace portier::admin

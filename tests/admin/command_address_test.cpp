#include "admin/command_address.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "support/folder.hpp"

namespace portier::admin {

namespace {

// The variables as a test wants them; nullptr: not set.
void set_environment(const char* portier_socket, const char* runtime_dir) {
    const auto set = [](const char* name, const char* value) {
        if (value)
            ::setenv(name, value, 1);
        else
            ::unsetenv(name);
    };
    set("PORTIER_SOCKET", portier_socket);
    set("XDG_RUNTIME_DIR", runtime_dir);
}

std::string default_path(const std::string& without_root) {
    return ::geteuid() == 0 ? "/run/portier/portier.sock" : without_root;
}

}  // namespace

// The option, the variable, the configuration, the default: each one counts only when those before it say nothing.
TEST(CommandPath, HasAnOrder) {
    set_environment("/variable", "/run/user/7");
    EXPECT_EQ(command_path("/option", "/configured"), "/option");
    EXPECT_EQ(command_path("", "/configured"), "/variable");
    set_environment("", "/run/user/7");
    EXPECT_EQ(command_path("", "/configured"), "/configured");
    set_environment(nullptr, "/run/user/7");
    EXPECT_EQ(command_path("", "/configured"), "/configured");
    EXPECT_EQ(command_path("", ""), default_path("/run/user/7/portier.sock"));
    const std::string own_folder = "/tmp/portier-" + std::to_string(::geteuid()) + "/portier.sock";
    set_environment(nullptr, "");
    EXPECT_EQ(command_path("", ""), default_path(own_folder));
    set_environment(nullptr, nullptr);
    EXPECT_EQ(command_path("", ""), default_path(own_folder));
}

// Safe is a folder of ours or root's into which nobody else writes, or where nobody may replace what others made.
TEST(FolderProblem, FindsUnsafePlaces) {
    const test::Folder folder;
    const std::string path = folder / "portier.sock", name = folder.path();
    const struct {
        mode_t mode;
        bool safe;
    } cases[]{{0700, true}, {0755, true}, {0777, false}, {0702, false}, {01777, true}, {0770, true}};
    for (const auto& c : cases) {
        ::chmod(name.c_str(), c.mode);
        EXPECT_EQ(folder_problem(path), c.safe ? "" : "others may write into its folder " + name) << std::oct << c.mode;
    }
    ::chmod(name.c_str(), 0700);
    EXPECT_EQ(folder_problem("/portier.sock"), "");
    EXPECT_EQ(folder_problem("/nowhere/portier.sock"), "");
    EXPECT_EQ(folder_problem("/tmp/portier.sock"), "");
    if (::chown(name.c_str(), 54321, 54321) == 0) {  // only root can
        EXPECT_EQ(folder_problem(path), "its folder " + name + " belongs to user 54321");
    }
}

// 107 bytes fit into a Unix address, one more is an error that names the path and the limit.
TEST(CommandAddress, RefusesLongPaths) {
    const std::string longest = "/" + std::string(106, 'x');
    const sockaddr_un address = command_address(longest);
    EXPECT_EQ(address.sun_family, AF_UNIX);
    EXPECT_STREQ(address.sun_path, longest.c_str());
    try {
        command_address(longest + "x");
        FAIL() << "too long, and nobody minds";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), ENAMETOOLONG);
        EXPECT_EQ(std::string(error.what()), "command socket " + longest + "x (107 bytes at most): File name too long");
    }
}

}  // namespace portier::admin

#include "admin/command_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <system_error>

#include "admin/client.hpp"
#include "support/folder.hpp"

namespace portier::admin {

namespace {

class CommandSocketTest : public testing::Test {
protected:
    static std::string failure_of(const std::string& path) {
        try {
            const CommandSocket socket(path);
        } catch (const std::system_error& error) {
            return error.what();
        }
        return "it listens";
    }
    // A client gets through to this socket.
    bool listens(const CommandSocket& socket) const {
        const Client client(path_);
        return Fd(::accept4(socket.descriptor(), nullptr, nullptr, SOCK_CLOEXEC)).get() >= 0;
    }

    test::Folder folder_;
    std::string path_ = folder_ / "portier.sock";
};

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode;
}

}  // namespace

// Nobody but the user (and root) may connect, whatever the umask; the folder is made if it is missing, as private.
TEST_F(CommandSocketTest, IsPrivate) {
    const std::string path = folder_ / "run/portier/portier.sock";
    const mode_t before = ::umask(0);
    const CommandSocket socket(path);
    const mode_t during = ::umask(before);
    EXPECT_EQ(during, 0u) << "the umask is as it was";
    EXPECT_EQ(mode_of(path), S_IFSOCK | 0600u);
    EXPECT_EQ(mode_of(folder_ / "run/portier"), S_IFDIR | 0700u);
}

// The file goes with the socket, unless another one has taken its place.
TEST_F(CommandSocketTest, RemovesItsFile) {
    auto first = std::make_unique<CommandSocket>(path_);
    first.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
    first = std::make_unique<CommandSocket>(path_);
    std::filesystem::rename(path_, folder_ / "old");
    const CommandSocket second(path_);
    first.reset();
    EXPECT_TRUE(listens(second));
}

// One that listens is not replaced, what a killed portier left behind is.
TEST_F(CommandSocketTest, ReplacesOnlyADeadOne) {
    {
        const sockaddr_un address = command_address(path_);
        const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(std::filesystem::exists(path_));
    const CommandSocket socket(path_);
    EXPECT_TRUE(listens(socket));
    EXPECT_EQ(failure_of(path_), "command socket " + path_ + ": another portier listens there: Address already in use");
    EXPECT_TRUE(listens(socket));
}

// Between bind and listen a socket looks dead: who starts meanwhile waits for the one that has the lock.
TEST_F(CommandSocketTest, StartsOneAfterAnother) {
    const Fd lock(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    EXPECT_EQ(failure_of(path_),
              "command socket " + path_ + ": somebody holds the lock of its folder: Device or resource busy");
    ::flock(lock.get(), LOCK_UN);
    EXPECT_EQ(failure_of(path_), "it listens");
}

// A file that is no socket is somebody's: it is refused and not touched.
TEST_F(CommandSocketTest, LeavesOtherFilesAlone) {
    folder_.write("portier.sock", "precious");
    EXPECT_EQ(failure_of(path_), "command socket " + path_ + ": Address already in use");
    EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

// A place that cannot be used, or is not safe, is an error that names it.
TEST_F(CommandSocketTest, NamesABadPlace) {
    const std::string inside_a_file = folder_.write("file", "") + "/portier.sock";
    EXPECT_EQ(failure_of(inside_a_file), "command socket " + inside_a_file + ": Not a directory");
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
    EXPECT_EQ(failure_of(path_), "command socket " + path_ + ": others may write into its folder " + folder_.path() +
                                     ": Operation not permitted");
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace portier::admin

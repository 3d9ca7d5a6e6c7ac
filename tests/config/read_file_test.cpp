#include "config/read_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/scratch.hpp"
#include "config/source.hpp"

namespace portier::config {
namespace {

TEST(read_file, reads_a_file_up_to_the_limit) {
    const ScratchFolder folder;
    EXPECT_EQ(read_file(folder.write("a", "text\n"), 0).value, "text\n");
    EXPECT_EQ(read_file(folder.write("empty", ""), 0).value, "");
    EXPECT_TRUE(read_file(folder.write("full", std::string(kMaxFileBytes, '#')), 0).value);
    EXPECT_EQ(read_file(folder.write("large", std::string(kMaxFileBytes + 1, '#')), 0).problem,
              "the file is larger than 1048576 bytes");
}

TEST(read_file, says_why_it_cannot) {
    const ScratchFolder folder;
    EXPECT_EQ(read_file((folder / "missing").string(), 0).problem, "cannot open the file: No such file or directory");
    EXPECT_EQ(read_file(folder.path().string(), 0).problem, "cannot read the file: Is a directory");
    const std::string file = folder.write("file", "");
    EXPECT_EQ(read_file(file + "/below", 0).problem, "cannot open the file: Not a directory");
}

TEST(read_file, refuses_at_once_what_is_not_a_file) {
    const ScratchFolder folder;
    const std::string fifo = (folder / "fifo").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(read_file(fifo, 0).problem, "this is a pipe, not a file");
    EXPECT_EQ(read_file(fifo, 0, Pipes::read).problem, "this is a pipe, not a file");
    EXPECT_EQ(read_file("/dev/zero", 0, Pipes::read).problem, "this is a device, not a file");
}

TEST(read_file, reads_an_open_pipe_to_its_end_where_that_is_asked_for) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::string name = "/dev/fd/" + std::to_string(ends[0]);
    ASSERT_EQ(::write(ends[1], "text\n", 5), 5);
    ::close(ends[1]);
    EXPECT_EQ(read_file(name, 0).problem, "this is a pipe, not a file");
    EXPECT_EQ(read_file(name, 0, Pipes::read).value, "text\n");
    ::close(ends[0]);
}

TEST(read_file, root_does_not_trust_a_file_that_everybody_may_write) {
    const ScratchFolder folder;
    const std::string file = folder.write("a", "text");
    ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
    EXPECT_EQ(read_file(file, 0).problem, "everybody may write to the file (mode 0666), and portier runs as root");
    EXPECT_TRUE(read_file(file, 1000).value);
    ASSERT_EQ(::chmod(file.c_str(), 0664), 0);
    EXPECT_TRUE(read_file(file, 0).value);
}

}  // namespace
}  // namespace portier::config

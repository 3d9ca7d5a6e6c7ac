#include "base/line_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace portier {

namespace {

std::string read_some(int fd) {
    std::string buffer(65536, '\0');
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    buffer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return buffer;
}

// Writes until nothing fits any more: it must come to an end. Returns how many lines were taken.
unsigned fill(LineWriter& writer, const std::string& line) {
    unsigned taken = 0;
    while (taken < 1'000'000 && writer.write(line)) ++taken;
    EXPECT_LT(taken, 1'000'000u);
    return taken;
}

}  // namespace

// A full pipe drops lines, takes whole ones again once it is read, and its flags stay those of who shares it.
TEST(LineWriter, NeverWaitsForAPipe) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd reader(ends[0]), end(ends[1]);
    LineWriter writer(end.get());
    const std::string line = std::string(99, 'x') + "\n";
    EXPECT_GT(fill(writer, line), 100u);
    EXPECT_FALSE(writer.write(line));
    EXPECT_EQ(read_some(reader.get()).size() % line.size(), 0u);
    EXPECT_TRUE(writer.write(line));
    EXPECT_EQ(::fcntl(end.get(), F_GETFL) & O_NONBLOCK, 0);
}

// A journal's socket of either type that nobody reads.
TEST(LineWriter, NeverWaitsForASocket) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
        const Fd reader(ends[0]), end(ends[1]);
        LineWriter writer(end.get());
        EXPECT_GT(fill(writer, "a line\n"), 1u);
        EXPECT_EQ(read_some(reader.get()).substr(0, 7), "a line\n");
        EXPECT_EQ(::fcntl(end.get(), F_GETFL) & O_NONBLOCK, 0);
    }
}

// A terminal that is stopped, or whose other side does not read.
TEST(LineWriter, NeverWaitsForATerminal) {
    const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::grantpt(master.get()), 0);
    ASSERT_EQ(::unlockpt(master.get()), 0);
    const Fd terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(terminal);
    LineWriter writer(terminal.get());
    EXPECT_GT(fill(writer, std::string(150, 'x') + "\n"), 10u);
    EXPECT_EQ(::fcntl(terminal.get(), F_GETFL) & O_NONBLOCK, 0);
}

// A line that is too long is cut and still is one line: a pipe takes only so much at once.
TEST(LineWriter, CutsLongLines) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd reader(ends[0]), end(ends[1]), file(::memfd_create("log", MFD_CLOEXEC));
    for (const int fd : {end.get(), file.get()}) {
        LineWriter writer(fd);
        EXPECT_TRUE(writer.write(std::string(40'000, 'a') + "\n"));
        EXPECT_TRUE(writer.write("next\n"));
    }
    ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
    EXPECT_EQ(read_some(reader.get()), std::string(4095, 'a') + "\nnext\n");
    EXPECT_EQ(read_some(file.get()), std::string(32767, 'a') + "\nnext\n");
}

// Nobody is there: the line is dropped and no signal comes.
TEST(LineWriter, SaysWhenNobodyIsThere) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const Fd end(ends[1]);
    ::close(ends[0]);
    LineWriter writer(end.get());
    EXPECT_FALSE(writer.write("a line\n"));
}

}  // namespace portier

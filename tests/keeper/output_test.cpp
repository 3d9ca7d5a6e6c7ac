#include "keeper/output.hpp"

#include <fcntl.h>

#include "base/clock.hpp"
#include "keeper/stage.hpp"

namespace portier::keeper {

namespace {

class OutputTest : public Stage {
protected:
    void write(const std::string& bytes) const {
        ASSERT_EQ(::write(pipe_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    bool run_until_lines(std::size_t count) {
        return run_until([&] { return log_.lines().size() >= count; });
    }

    Output output_{io_, "veg", 3};
    Fd pipe_ = output_.open();
};

}  // namespace

// Each line is a line of the log, with the handler and the number of the process; half a line waits for its rest.
TEST_F(OutputTest, SplitsLines) {
    write("one\ntwo\n\nhal");
    ASSERT_TRUE(run_until_lines(3));
    write("f\n");
    ASSERT_TRUE(run_until_lines(4));
    const auto lines = log_.lines();
    ASSERT_EQ(lines.size(), 4u);
    for (const auto& [index, wanted] :
         {std::pair<std::size_t, const char*>{0, "one"}, {1, "two"}, {2, ""}, {3, "half"}})
        EXPECT_NE(lines[index].find("\"message\":\"" + std::string(wanted) + "\",\"handler\":\"veg\",\"process\":3"),
                  std::string::npos)
            << lines[index];
}

// Bytes that could forge or garble a log are escaped.
TEST_F(OutputTest, EscapesForeignBytes) {
    write(std::string("a\x1b[2J\0b\xff\n", 9));
    ASSERT_TRUE(run_until_lines(1));
    EXPECT_EQ(log_.lines().size(), 1u);
    EXPECT_EQ(log_.lines_with("a\\\\x1b[2J\\\\x00b\\\\xff").size(), 1u) << log_.text();
}

// A line of 4 KiB is whole; of a longer one the beginning is kept and marked, and the next line is as usual.
TEST_F(OutputTest, CutsLongLines) {
    write(std::string(4096, 'x') + "\n" + std::string(9000, 'y') + "\nnext\n");
    ASSERT_TRUE(run_until_lines(3));
    EXPECT_EQ(log_.lines_with("\"" + std::string(4096, 'x') + "\"").size(), 1u);
    EXPECT_EQ(log_.lines_with("\"" + std::string(4096, 'y') + " [cut]\"").size(), 1u);
    EXPECT_EQ(log_.lines_with("\"next\"").size(), 1u);
}

// A flood costs 100 lines, and the log says how many more there were, at the end of the process at the latest.
TEST_F(OutputTest, LimitsTheRate) {
    std::string flood;
    for (int i = 0; i < 1000; ++i) flood += "flood\n";
    write(flood);
    ASSERT_TRUE(run_until([&] { return log_.lines_with("flood").size() >= 100; }));
    pipe_.reset();
    output_.finish();
    const std::size_t printed = log_.lines_with("\"flood\"").size();
    // A slow machine may need more than a second for them and gets the next hundred.
    EXPECT_EQ(printed % 100, 0u);
    EXPECT_LT(printed, 1000u);
    std::size_t left_out = 0;
    for (const std::string& line : log_.lines_with("output of a handler was left out"))
        left_out += std::strtoul(line.c_str() + line.find("\"lines\":") + 8, nullptr, 10);
    EXPECT_EQ(printed + left_out, 1000u);
}

// Who writes without end has to wait now and then, and nothing of it is lost unseen.
TEST_F(OutputTest, SlowsDownAFlood) {
    const std::string line = std::string(1023, 'f') + "\n";
    ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
    std::size_t written = 0;
    const auto fill = [&] {
        while (::write(pipe_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) ++written;
    };
    ASSERT_TRUE(run_until([&] {
        fill();
        return written > 5 * 1024;
    })) << "it goes on";
    const std::uint64_t begin = monotonic_milliseconds();
    ASSERT_TRUE(run_until([&] {
        fill();
        return monotonic_milliseconds() > begin + 500;
    }));
    EXPECT_LT(written, 20 * 1024u) << "16 reads of 4 KiB in each tenth of a second, and 4 MiB in a new second";
}

// What was written just before the end is not lost, nor is a last line without its end.
TEST_F(OutputTest, FinishReadsTheRest) {
    write("last words\nand no newline");
    pipe_.reset();
    output_.finish();
    EXPECT_EQ(log_.lines_with("\"last words\"").size(), 1u);
    EXPECT_EQ(log_.lines_with("\"and no newline\"").size(), 1u);
    output_.finish();
    EXPECT_EQ(log_.lines().size(), 2u);
}

// A full pipe is read to its last byte when the process ends.
TEST_F(OutputTest, FinishReadsAFullPipe) {
    const std::string line(65535, 'z');
    write(line + "\n");
    output_.finish();
    EXPECT_EQ(log_.lines_with("zzz [cut]\"").size(), 1u) << "one line, ended by its newline";
    EXPECT_EQ(log_.lines().size(), 1u);
}

}  // namespace portier::keeper

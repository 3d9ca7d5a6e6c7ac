// Script is the test script that drives a run with --until-stdin: it reads one line from the standard output when the
// run has come to its point ("holding N", "running") and answers with a line, or by closing the standard input, when
// it may go on. Parent process only.
#pragma once

#include <string_view>

namespace portier::guests {

class Script {
public:
    // Not `present`: nothing is printed and nothing awaited.
    explicit Script(bool present) : present_(present) {}

    // Prints the line, the first time; from then on the answer is awaited.
    void announce(std::string_view line);

    // To be polled for input and then read; -1 while no answer is awaited.
    int descriptor() const;
    void read();

    bool answered() const { return answered_; }

private:
    const bool present_;
    bool announced_ = false;
    bool answered_ = false;
};

}  // namespace portier::guests

// A page of metrics, taken apart, and a board to make it from.
#pragma once

#include "metrics/exposition.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "metrics/catalogue.hpp"

namespace portier::metrics {

// Text format 0.0.4, taken apart line by line; every rule that is broken is a failure of the test.
struct Exposition {
    explicit Exposition(const std::string& text) {
        EXPECT_TRUE(text.ends_with("\n"));
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) read(line);
    }

    void read(const std::string& line) {
        static const std::regex help("# HELP ([a-z_]+) (.+)"), type("# TYPE ([a-z_]+) (counter|gauge|histogram)"),
            sample(R"re(([a-z_]+)(\{.*\})? (\S+))re");
        std::smatch found;
        if (std::regex_match(line, found, help)) {
            family = found[1];
            EXPECT_TRUE(helps.emplace(family, found[2]).second) << "twice: " << line;
        } else if (std::regex_match(line, found, type)) {
            EXPECT_EQ(found[1], family) << line;
            EXPECT_TRUE(types.emplace(found[1], found[2]).second) << "twice: " << line;
        } else if (std::regex_match(line, found, sample)) {
            const std::string name = found[1];
            const bool part = types[family] == "histogram" && name.starts_with(family);
            EXPECT_TRUE(name == family || part) << "outside its family: " << line;
            EXPECT_TRUE(values.emplace(name + found[2].str(), std::strtod(found[3].str().c_str(), nullptr)).second)
                << "twice: " << line;
        } else {
            ADD_FAILURE() << "not the text format: " << line;
        }
    }

    double operator[](const std::string& series) const {
        const auto found = values.find(series);
        return found == values.end() ? std::nan("") : found->second;
    }

    std::string family;
    std::map<std::string, std::string> helps, types;
    std::map<std::string, double> values;
};

class ExpositionTest : public testing::Test {
protected:
    Exposition expose() const { return Exposition(expose_text(*board_, series_)); }

    // A living process in row `row`.
    ProcessRow& process(std::uint32_t row, std::uint32_t handler, std::uint32_t slot, ProcessState state) {
        ProcessRow& result = board_->processes[row];
        result.handler = handler;
        result.slot = slot;
        result.state = static_cast<std::uint32_t>(state);
        board_->globals.process_rows.set(row + 1);
        return result;
    }

    BoardMemory board_ = BoardMemory::create();
    Series series_{.ports = {{"7001/tcp", "tcp", "veg", "handoff", 0, 1000},
                             {"7001/udp", "udp", "veg-udp", "inherit", 1, 0},
                             {"[::1]:7002/tcp", "tcp", "veg", "handoff", 2, 0},
                             {"7003/udp", "udp", "store", "relay", 3, 4096, true}},
                   .handlers = {{"veg", 0, false, "handoff"},
                                {"veg-udp", 1, false, "inherit"},
                                {"store", 2, false, "relay", {{"127.0.0.1:1", 5}, {"127.0.0.1:2", 3, 1}}},
                                {"git", 3, true, "spawn"}}};
};

}  // namespace portier::metrics

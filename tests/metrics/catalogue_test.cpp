#include "metrics/catalogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

namespace portier::metrics {

namespace {

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return name.ends_with(ending); });
}

}  // namespace

// Names are ours or the standard process_ ones, lower case, and no two are the same.
TEST(Catalogue, NamesAreWellFormedAndUnique) {
    std::set<std::string> seen;
    for (const Metric& metric : catalogue()) {
        EXPECT_TRUE(std::regex_match(metric.name, std::regex("(portier|process)(_[a-z]+)+"))) << metric.name;
        EXPECT_TRUE(seen.insert(metric.name).second) << metric.name;
    }
    EXPECT_GT(seen.size(), 20u);
}

// Counters end in _total and nothing else does; what other endings mean in Prometheus is not misused.
TEST(Catalogue, EndingsTellTheType) {
    for (const Metric& metric : catalogue()) {
        const std::string name = metric.name;
        EXPECT_EQ(name.ends_with("_total"), metric.kind == Kind::counter) << name;
        EXPECT_FALSE(ends_with_any(name, {"_count", "_sum", "_bucket"})) << name;
        EXPECT_EQ(name.ends_with("_info"), metric.labels.size() > 0 && metric.kind == Kind::gauge &&
                                               std::string(metric.help).starts_with("Always 1"))
            << name;
    }
}

// Only base units: seconds and bytes, never their parts or multiples.
TEST(Catalogue, UnitsAreBaseUnits) {
    const std::regex derived(
        ".*_(milliseconds|ms|microseconds|us|minutes|hours|kilobytes|kb|kib|mib|percent|bits)(_.*)?");
    for (const Metric& metric : catalogue()) {
        const std::string name = metric.name;
        EXPECT_FALSE(std::regex_match(name, derived)) << name;
        if (metric.kind == Kind::histogram) {
            EXPECT_TRUE(name.ends_with("_seconds")) << name;
        }
        if (name.find("duration") != std::string::npos || name.find("timestamp") != std::string::npos ||
            name.find("cpu") != std::string::npos || name.find("start_time") != std::string::npos) {
            EXPECT_TRUE(ends_with_any(name, {"_seconds", "_seconds_total"})) << name;
        }
        if (name.find("memory") != std::string::npos) {
            EXPECT_TRUE(name.ends_with("_bytes")) << name;
        }
    }
}

// Labels come from the configuration or a closed set: never an address, a process id or a free text.
TEST(Catalogue, LabelsAreFromTheContract) {
    const std::set<std::string> allowed{"version", "port",  "protocol", "handler", "delivery", "reason",
                                        "process", "state", "result",   "role",    "backend",  "code"};
    for (const Metric& metric : catalogue()) {
        std::set<std::string> own;
        for (const char* label : metric.labels) {
            EXPECT_TRUE(allowed.contains(label)) << metric.name << " " << label;
            EXPECT_TRUE(own.insert(label).second) << metric.name << " " << label;
        }
    }
}

// The help is one whole sentence, for a person.
TEST(Catalogue, HelpIsASentence) {
    for (const Metric& metric : catalogue()) {
        const std::string help = metric.help;
        ASSERT_GT(help.size(), 10u) << metric.name;
        EXPECT_TRUE(!std::islower(static_cast<unsigned char>(help.front())) || help.starts_with("max_")) << help;
        EXPECT_EQ(help.back(), '.') << help;
        EXPECT_EQ(help.find('\n'), std::string::npos) << help;
    }
}

// Types are called as the exposition calls them.
TEST(Catalogue, KindsHaveNames) {
    EXPECT_STREQ(to_string(Kind::counter), "counter");
    EXPECT_STREQ(to_string(Kind::gauge), "gauge");
    EXPECT_STREQ(to_string(Kind::histogram), "histogram");
}

}  // namespace portier::metrics

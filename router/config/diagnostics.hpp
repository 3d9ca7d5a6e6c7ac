// Collects the problems of one load(): sorts them by place, caps them, and copies what render() needs out of the
// sources. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/source.hpp"

namespace portier::config {

inline constexpr std::size_t kMaxDiagnostics = 50;

struct Problem {
    Severity severity = Severity::error;
    Place at{};
    std::string key_path{};
    std::string message{};
    std::string hint{};
    std::optional<Place> other{};
};

class Diagnostics {
public:
    // `sources` grows while files are read and outlives this object.
    explicit Diagnostics(const Sources& sources) : sources_(sources) {}

    void add(Problem problem);

    // So many problems are known that more of them help nobody: costly searches for hints may be left out.
    bool full() const { return problems_.size() >= kKept; }
    bool has_errors() const { return errors_ > 0; }

    // Sorted, at most kMaxDiagnostics; one more says how many are left out.
    std::vector<Diagnostic> result();

private:
    static constexpr std::size_t kKept = 100;

    Diagnostic finished(const Problem& problem) const;

    const Sources& sources_;
    std::vector<Problem> problems_;
    std::size_t errors_ = 0;
    std::size_t count_ = 0;
};

}  // namespace portier::config

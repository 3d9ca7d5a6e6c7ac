#include "config/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace portier::config {

namespace {

constexpr int kWidest = 160;  // code points of a source line that are shown

Mark mark_of(const Sources& sources, const Place& at) {
    return {sources[at.source].name(), at.line, at.column};
}

// The line of a place; of a long one only the part around it. And the column of the place in that text.
std::pair<std::string, int> excerpt(const Sources& sources, const Place& at) {
    const std::string_view line = sources[at.source].line(at.line);
    if (code_points(line) <= kWidest) return {std::string(line), at.column};
    const int skipped = std::max(0, at.column - kWidest / 2);
    int seen = 0;
    std::string part;
    for (const char byte : line) {
        if ((byte & 0xc0) != 0x80) ++seen;
        if (seen > skipped && seen <= skipped + kWidest) part += byte;
    }
    return {part, at.column - skipped};
}

}  // namespace

void Diagnostics::add(Problem problem) {
    ++count_;
    if (problem.severity == Severity::error) ++errors_;
    if (!full()) problems_.push_back(std::move(problem));
}

Diagnostic Diagnostics::finished(const Problem& problem) const {
    Diagnostic out;
    out.severity = problem.severity;
    out.mark = mark_of(sources_, problem.at);
    out.length = static_cast<std::size_t>(std::max(1, problem.at.width));
    out.key_path = problem.key_path;
    out.message = problem.message;
    out.hint = problem.hint;
    std::tie(out.source_line, out.source_column) = excerpt(sources_, problem.at);
    if (problem.other) {
        out.other = mark_of(sources_, *problem.other);
        std::tie(out.other_line, out.other_column) = excerpt(sources_, *problem.other);
    }
    return out;
}

std::vector<Diagnostic> Diagnostics::result() {
    const auto order = [](const Problem& problem) {
        return std::make_tuple(problem.at.source, problem.at.line, problem.at.column);
    };
    std::stable_sort(problems_.begin(), problems_.end(),
                     [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
    std::vector<Diagnostic> out;
    for (const Problem& problem : problems_) {
        if (out.size() == kMaxDiagnostics) break;
        out.push_back(finished(problem));
    }
    if (count_ > out.size()) {
        Diagnostic rest;
        rest.severity = errors_ > 0 ? Severity::error : Severity::warning;
        rest.mark.file = sources_.front().name();
        rest.message = fmt::format("{} more problems are not shown", count_ - out.size());
        out.push_back(rest);
    }
    return out;
}

}  // namespace portier::config

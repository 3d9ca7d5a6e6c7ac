#include "config/nesting.hpp"

#include <fmt/format.h>

namespace portier::config {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

class BracketScan {
public:
    explicit BracketScan(std::string_view text) : text_(text) {}

    std::optional<TextProblem> run() {
        for (; at_ < text_.size(); ++at_) {
            step(text_[at_]);
            if (depth_ > kMaxDepth) return TextProblem{at_, too_deep()};
            if (nodes_ > kMaxNodes) return TextProblem{at_, too_many_nodes()};
        }
        return std::nullopt;
    }

private:
    // Quotes and brackets mean something only where a value may begin, brackets also inside of other brackets.
    void step(char c) {
        if (c == '\n') value_may_begin_ = true;
        if (is_blank(c)) return;
        if (c == '#' && (at_ == 0 || is_blank(text_[at_ - 1]))) return skip_to("\n");
        if ((c == '"' || c == '\'') && value_may_begin_) return skip_quoted(c);
        if (c == '[' || c == '{') return open();
        if ((c == ']' || c == '}') && depth_ > 0) return close();
        if (c == ',' && depth_ > 0) return begin_node();
        if (c == '&' || c == '!') return skip_to(" \n");
        const bool indicator = c == ':' || c == '-' || c == '?';
        const bool alone = at_ + 1 == text_.size() || is_blank(text_[at_ + 1]);
        value_may_begin_ = indicator && (alone || (c == ':' && depth_ > 0));
    }

    void open() {
        if (!value_may_begin_ && depth_ == 0) return;
        ++depth_;
        begin_node();
    }

    void close() {
        --depth_;
        value_may_begin_ = false;
    }

    void begin_node() {
        ++nodes_;
        value_may_begin_ = true;
    }

    // Stops before one of `ends`, so that the next step sees it.
    void skip_to(std::string_view ends) {
        const std::size_t end = text_.find_first_of(ends, at_);
        at_ = (end == std::string_view::npos ? text_.size() : end) - 1;
    }

    void skip_quoted(char quote) {
        for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_)
            if (quote == '"' && text_[at_] == '\\') ++at_;
        value_may_begin_ = quote == '\'';  // '' inside of single quotes is one more pair for us
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::size_t nodes_ = 0;
    bool value_may_begin_ = true;
};

}  // namespace

std::string too_deep() {
    return fmt::format("nested deeper than {} levels", kMaxDepth);
}

std::string too_many_nodes() {
    return fmt::format("more than {} keys and values (an alias counts with all that it repeats)", kMaxNodes);
}

std::optional<TextProblem> check_nesting(std::string_view text) {
    return BracketScan(text).run();
}

}  // namespace portier::config

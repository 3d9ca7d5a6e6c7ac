#include "base/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.hpp"
#include "base/line_writer.hpp"
#include "base/text.hpp"

namespace portier {

namespace {

spdlog::level::level_enum level_of(LogSeverity severity) {
    switch (severity) {
        case LogSeverity::debug: return spdlog::level::debug;
        case LogSeverity::info: return spdlog::level::info;
        case LogSeverity::warning: return spdlog::level::warn;
        case LogSeverity::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

// stderr, where nobody may wait for a reader: the keeper watches processes, the router serves guests.
class Sink : public spdlog::sinks::base_sink<std::mutex> {
public:
    std::size_t max_line() const { return writer_.max_line(); }
    // How many lines were dropped since the last call; 0 as long as there is no room to say so.
    std::uint64_t take_dropped() { return dropped_ > 0 && writer_.has_room() ? dropped_.exchange(0) : 0; }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        if (!writer_.write({line.data(), line.size()})) ++dropped_;
    }
    void flush_() override {}

private:
    LineWriter writer_{STDERR_FILENO};
    std::atomic<std::uint64_t> dropped_{0};
};

// The line's format is chosen by set_up_log; spdlog holds the rest (level, time, locking).
struct Shape {
    bool json = false;
    std::string role;
    std::shared_ptr<Sink> sink;
};

Shape& shape() {
    static Shape current;
    return current;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (char c : escape(text)) {
        if (c == '"') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    for (char c : escape(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

// Foreign text must not look like a field of ours.
std::string text_value(std::string_view text) {
    return text.empty() || text.find_first_of(" =\"") != text.npos ? quote(text) : escape(text);
}

using Fields = std::initializer_list<LogField>;

std::string cut(std::string_view text, std::size_t limit) {
    return text.size() <= limit ? std::string(text) : std::string(text.substr(0, limit)) + " [cut]";
}

// Each text at most `limit` bytes.
std::string as_text(std::string_view message, Fields fields, std::size_t limit) {
    const std::string shown = cut(message, limit);
    std::string line = shape().role.empty() ? "" : shape().role + ": ";
    line += shown.find('=') == shown.npos ? escape(shown) : quote(shown);
    for (const LogField& field : fields)
        line += " " + std::string(field.name) + "=" + text_value(cut(field.text, limit));
    return line;
}

std::string as_json(std::string_view message, Fields fields, std::size_t limit) {
    std::string line = "\"role\":" + json_quote(shape().role) + ",\"message\":" + json_quote(cut(message, limit));
    for (const LogField& field : fields)
        line += "," + json_quote(field.name) + ":" + (field.number ? field.text : json_quote(cut(field.text, limit)));
    return line;
}

// With room for the time and the level before it. A line that were cut as a whole would be no JSON.
std::string make_line(std::string_view message, Fields fields) {
    const std::size_t room = (shape().sink ? shape().sink->max_line() : 4096) - 128;
    for (std::size_t limit = room;; limit = limit * 3 / 4) {
        std::string line = shape().json ? as_json(message, fields, limit) : as_text(message, fields, limit);
        if (line.size() <= room || limit == 0) return line;
    }
}

void put(LogSeverity severity, std::string_view message, Fields fields) {
    const std::string line = make_line(message, fields);
    spdlog::default_logger_raw()->log(level_of(severity), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void log_limited(LogSeverity severity, std::string_view message, std::initializer_list<LogField> fields) {
    struct Seen {
        std::uint64_t last_ms;
        std::uint64_t left_out;
    };
    static std::mutex mutex;
    static std::map<std::string, Seen, std::less<>> seen;  // keyed by our own texts, so it cannot grow without bound
    std::uint64_t left_out = 0;
    {
        const std::lock_guard lock(mutex);
        const std::uint64_t now = monotonic_milliseconds();
        const auto [item, fresh] = seen.try_emplace(std::string(message), Seen{now, 0});
        if (!fresh && now - item->second.last_ms < 1000) {
            ++item->second.left_out;
            return;
        }
        left_out = std::exchange(item->second, Seen{now, 0}).left_out;
    }
    if (left_out)
        log(severity, std::string(message) + " (" + std::to_string(left_out) + " more like it were left out)", fields);
    else
        log(severity, message, fields);
}

bool stderr_is_terminal() {
    return ::isatty(STDERR_FILENO) == 1;
}

void set_up_log(const LogOptions& options) {
    shape() = {options.json, options.role, std::make_shared<Sink>()};
    auto logger = std::make_shared<spdlog::logger>("portier", shape().sink);
    logger->set_level(level_of(options.least));
    logger->set_pattern(options.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})" : "%H:%M:%S.%e %-7l %v");
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(LogSeverity least) {
    spdlog::default_logger_raw()->set_level(level_of(least));
}

LogSeverity log_severity(std::string_view word) {
    if (word == "debug") return LogSeverity::debug;
    if (word == "warning") return LogSeverity::warning;
    if (word == "error") return LogSeverity::error;
    return LogSeverity::info;
}

void log(LogSeverity severity, std::string_view message, std::initializer_list<LogField> fields) {
    if (!spdlog::default_logger_raw()->should_log(level_of(severity))) return;
    if (const std::uint64_t lines = shape().sink ? shape().sink->take_dropped() : 0)
        put(LogSeverity::warning, "log lines were dropped", {{"lines", lines}});
    put(severity, message, fields);
}

}  // namespace portier

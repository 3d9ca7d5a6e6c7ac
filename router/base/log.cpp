#include "base/log.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.hpp"
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

// The line's format is chosen by set_up_log; spdlog holds the rest (level, sink, locking).
struct Shape {
    bool json = false;
    std::string role;
};

Shape& shape() {
    static Shape current;
    return current;
}

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    for (char c : escape(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string as_text(std::string_view message, std::initializer_list<LogField> fields) {
    std::string line = shape().role.empty() ? "" : shape().role + ": ";
    line += escape(message);
    for (const LogField& field : fields) line += " " + std::string(field.name) + "=" + escape(field.text);
    return line;
}

std::string as_json(std::string_view message, std::initializer_list<LogField> fields) {
    std::string line = "\"role\":" + json_quote(shape().role) + ",\"message\":" + json_quote(message);
    for (const LogField& field : fields)
        line += "," + json_quote(field.name) + ":" + (field.number ? field.text : json_quote(field.text));
    return line;
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

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

void set_up_log(const LogOptions& options) {
    shape() = {options.json, options.role};
    auto logger = std::make_shared<spdlog::logger>("portier", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(level_of(options.least));
    logger->set_pattern(options.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})" : "%H:%M:%S.%e %-7l %v");
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(LogSeverity least) { spdlog::default_logger_raw()->set_level(level_of(least)); }

LogSeverity log_severity(std::string_view word) {
    if (word == "debug") return LogSeverity::debug;
    if (word == "warning") return LogSeverity::warning;
    if (word == "error") return LogSeverity::error;
    return LogSeverity::info;
}

void log(LogSeverity severity, std::string_view message, std::initializer_list<LogField> fields) {
    const auto level = level_of(severity);
    if (!spdlog::default_logger_raw()->should_log(level)) return;
    const std::string line = shape().json ? as_json(message, fields) : as_text(message, fields);
    spdlog::default_logger_raw()->log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace portier

// Log lines to stderr: readable text on a terminal, one JSON object a line otherwise. Every foreign byte is escaped.
// Nobody waits for a reader of stderr: lines that find no room are dropped, and a later line says how many. A long
// line's texts are cut, so that it fits into a pipe at once. set_up_log() once at start (and again on reload), before
// other threads exist or from the thread that owns the process; log() from any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace portier {

enum class LogSeverity { debug, info, warning, error };

// One named value of a line. Numbers stay numbers in JSON.
struct LogField {
    LogField(std::string_view name_, std::string_view value) : name(name_), text(value) {}
    LogField(std::string_view name_, const char* value) : name(name_), text(value) {}
    LogField(std::string_view name_, const std::string& value) : name(name_), text(value) {}
    template <typename Integer>
    requires std::is_integral_v<Integer> LogField(std::string_view name_, Integer value)
        : name(name_), text(std::to_string(value)), number(true) {}
    LogField(std::string_view name_, double value) : name(name_), text(std::to_string(value)), number(true) {}

    std::string_view name;
    std::string text;
    bool number = false;
};

struct LogOptions {
    LogSeverity least = LogSeverity::info;
    bool json = false;
    std::string role;  // "keeper" or "router"
};

bool stderr_is_terminal();
void set_up_log(const LogOptions& options);
// Any thread, at any time.
void set_log_level(LogSeverity least);
// "debug", "info", "warning", "error"; anything else is info.
LogSeverity log_severity(std::string_view word);
void log(LogSeverity severity, std::string_view message, std::initializer_list<LogField> fields = {});

// For messages that a fault can repeat without end: at most one of the same text a second from this process, the next
// one says how many were left out.
void log_limited(LogSeverity severity, std::string_view message, std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(LogSeverity::debug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(LogSeverity::info, m, f);
}
inline void log_warning(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(LogSeverity::warning, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
    log(LogSeverity::error, m, f);
}

}  // namespace portier

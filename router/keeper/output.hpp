// What a handler process writes to stdout and stderr becomes log lines with its name: one line each, escaped, cut at
// 4 KiB, at most 100 a second; what is left out is counted, and who writes more than 4 MiB a second has to wait.
// Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/log.hpp"
#include "base/readable.hpp"

namespace portier::keeper {

class Output {
public:
    // `slot`: none where the processes of a handler share one output.
    Output(boost::asio::io_context& io, std::string handler, std::optional<std::uint32_t> slot);

    // The write end, for the child; call once per process. Throws std::system_error.
    Fd open();

    // Reads what is left, after the process has ended.
    void finish();

    // What it wrote last, without its end if that was cut; empty: nothing yet.
    const std::string& last_line() const { return last_line_; }

private:
    void read_some();
    void take(std::string_view bytes);
    void print_line();
    void tell_left_out();
    bool is_flood(std::size_t size);

    boost::asio::io_context& io_;
    std::string handler_;
    LogField process_;
    Fd pipe_;
    std::unique_ptr<Readable> readable_;
    std::string line_, last_line_;
    bool line_cut_ = false;
    std::uint64_t window_ms_ = 0;
    unsigned printed_ = 0;
    std::uint64_t left_out_ = 0;
    std::uint64_t bytes_window_ms_ = 0;
    std::size_t bytes_ = 0;
    Alarm pause_;       // of reading
    Alarm window_end_;  // tells what was left out, also when no further line comes
};

}  // namespace portier::keeper

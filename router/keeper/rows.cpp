#include "keeper/rows.hpp"

#include <stdexcept>

namespace portier::keeper {

namespace {

std::uint32_t row_of(std::map<std::string, std::uint32_t>& rows, const std::string& name, std::size_t limit) {
    const auto next = static_cast<std::uint32_t>(rows.size());
    const auto [item, fresh] = rows.try_emplace(name, next);
    if (fresh && next >= limit) {
        rows.erase(item);
        throw std::length_error("more than " + std::to_string(limit) + " different ports or handlers since the start");
    }
    return item->second;
}

// Before they are used again: rows of processes that ended a short while ago can still get late announcements.
constexpr std::size_t kRestingRows = 1024;

}  // namespace

std::uint32_t Rows::port(const std::string& key) {
    const std::uint32_t row = row_of(ports_, key, metrics::kMaxPortRows);
    board_.globals.port_rows.set(ports_.size());
    return row;
}

std::uint32_t Rows::handler(const std::string& name) {
    const std::uint32_t row = row_of(handlers_, name, metrics::kMaxHandlerRows);
    board_.globals.handler_rows.set(handlers_.size());
    return row;
}

std::uint32_t Rows::take_process() {
    const bool exhausted = next_process_ == metrics::kMaxProcessRows;
    if (free_processes_.size() > kRestingRows || (exhausted && !free_processes_.empty())) {
        const std::uint32_t row = free_processes_.front();
        free_processes_.pop_front();
        metrics::ProcessRow& process = board_.processes[row];
        for (metrics::Counter* counter : {&process.started_ms, &process.resident_bytes, &process.open_fds,
                                          &process.cpu_microseconds, &process.held, &process.sent, &process.taken, &process.credit, &process.stopping,
                                          &process.opened, &process.ended})
            counter->set(0);
        return row;
    }
    if (exhausted) throw std::length_error("more than " + std::to_string(metrics::kMaxProcessRows) + " processes");
    board_.globals.process_rows.set(next_process_ + 1);
    return next_process_++;
}

}  // namespace portier::keeper

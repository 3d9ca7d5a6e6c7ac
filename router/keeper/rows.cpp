#include "keeper/rows.hpp"

#include <new>
#include <stdexcept>

namespace portier::keeper {

namespace {

// Before they are used again: rows of processes that ended a short while ago can still get late announcements.
constexpr std::size_t kRestingRows = 1024;

std::length_error no_room(const std::string& what, std::size_t limit) {
    return std::length_error("too many " + what + ": there is room for " + std::to_string(limit));
}

template <typename Item, typename Name>
std::set<std::string> names_of(const std::vector<Item>& items, Name name) {
    std::set<std::string> result;
    for (const Item& item : items) result.insert(item.*name);
    return result;
}

bool has_room(const auto& names, const std::set<std::string>& wanted, std::size_t limit) {
    std::size_t fresh = 0;
    for (const std::string& name : wanted) fresh += !names.rows.contains(name);
    return fresh <= names.free.size() + (limit - names.used);
}

std::uint32_t row_of(auto& names, const std::string& name, std::size_t limit) {
    const auto found = names.rows.find(name);
    if (found != names.rows.end()) return found->second;
    if (names.free.empty() && names.used == limit) throw no_room("different ports, handlers or backends", limit);
    const std::uint32_t row = names.free.empty() ? names.used : names.free.back();
    names.rows.emplace(name, row);
    if (names.free.empty())
        ++names.used;
    else
        names.free.pop_back();
    return row;
}

// Rows are plain counters, and a row of zeros is a clean one.
template <typename Row>
void clean(Row& row) {
    row.~Row();
    new (&row) Row();
}

void forget(auto& names, const std::set<std::string>& named, auto is_alive, auto& rows) {
    std::erase_if(names.rows, [&](const auto& item) {
        if (named.contains(item.first) || is_alive(item.second)) return false;
        names.free.push_back(item.second);
        clean(rows[item.second]);
        return true;
    });
}

}  // namespace

void Rows::reserve(const config::Config& next, const config::Config& present) {
    const auto ports = names_of(next.ports, &config::Port::key);
    const auto handlers = names_of(next.handlers, &config::Handler::name);
    if (!has_room(ports_, ports, metrics::kMaxPortRows)) {
        auto named = names_of(present.ports, &config::Port::key);
        named.insert(ports.begin(), ports.end());
        forget_ports(named);
    }
    if (!has_room(handlers_, handlers, metrics::kMaxHandlerRows)) {
        auto named = names_of(present.handlers, &config::Handler::name);
        named.insert(handlers.begin(), handlers.end());
        forget_handlers(named);
    }
    if (!has_room(ports_, ports, metrics::kMaxPortRows)) throw no_room("ports", metrics::kMaxPortRows);
    if (!has_room(handlers_, handlers, metrics::kMaxHandlerRows)) throw no_room("handlers", metrics::kMaxHandlerRows);
    std::size_t processes = 0;
    for (const config::Handler& handler : next.handlers) processes += handler.processes;
    if (processes >= metrics::kMaxProcessRows) throw no_room("processes", metrics::kMaxProcessRows - 1);
    for (const std::string& key : ports) port(key);
    for (const std::string& name : handlers) handler(name);
}

// With a connection of it left, the ledger still names the row.
void Rows::forget_ports(const std::set<std::string>& named) {
    const auto is_alive = [this](std::uint32_t row) { return board_.ports[row].active() > 0; };
    forget(ports_, named, is_alive, board_.ports);
}

void Rows::forget_handlers(const std::set<std::string>& named) {
    std::set<std::uint32_t> with_processes;
    for (std::uint32_t i = 1; i < next_process_; ++i)
        if (board_.processes[i].get_state() != metrics::ProcessState::absent)
            with_processes.insert(board_.processes[i].handler.load(std::memory_order_relaxed));
    const auto is_alive = [&](std::uint32_t row) {
        const metrics::HandlerRow& handler = board_.handlers[row];
        return with_processes.contains(row) || handler.spawned.get() != handler.spawned_ended.get();
    };
    forget(handlers_, named, is_alive, board_.handlers);
}

std::uint32_t Rows::port(const std::string& key) {
    const std::uint32_t row = row_of(ports_, key, metrics::kMaxPortRows);
    board_.globals.port_rows.set(ports_.used);
    return row;
}

std::uint32_t Rows::handler(const std::string& name) {
    const std::uint32_t row = row_of(handlers_, name, metrics::kMaxHandlerRows);
    board_.globals.handler_rows.set(handlers_.used);
    return row;
}

// With a connection of it left, its end is still to be counted.
void Rows::reserve_backends(const std::set<std::string>& next, const std::set<std::string>& present) {
    if (!has_room(backends_, next, metrics::kMaxBackendRows)) {
        std::set<std::string> named = present;
        named.insert(next.begin(), next.end());
        const auto is_alive = [this](std::uint32_t row) { return board_.backends[row].active() > 0; };
        forget(backends_, named, is_alive, board_.backends);
    }
    if (!has_room(backends_, next, metrics::kMaxBackendRows))
        throw no_room("addresses in connect", metrics::kMaxBackendRows);
    for (const std::string& name : next) backend(name);
}

std::uint32_t Rows::backend(const std::string& name) {
    const std::uint32_t row = row_of(backends_, name, metrics::kMaxBackendRows);
    board_.globals.backend_rows.set(backends_.used);
    return row;
}

std::uint32_t Rows::take_process() {
    const bool exhausted = next_process_ == metrics::kMaxProcessRows;
    if (free_processes_.size() > kRestingRows || (exhausted && !free_processes_.empty())) {
        const std::uint32_t row = free_processes_.front();
        free_processes_.pop_front();
        clean(board_.processes[row]);
        return row;
    }
    if (exhausted) throw no_room("processes", metrics::kMaxProcessRows - 1);
    board_.globals.process_rows.set(next_process_ + 1);
    return next_process_++;
}

}  // namespace portier::keeper

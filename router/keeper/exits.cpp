#include "keeper/exits.hpp"

namespace portier::keeper {

namespace {

using metrics::Exited;

Exited exit_of(const proc::Ending& ending) {
    if (!ending.exited) return Exited::signal;
    switch (ending.value) {
        case 0: return Exited::ok;
        case 1: return Exited::failed;
        case 2: return Exited::misused;
        case 126: return Exited::not_executable;
        case 127: return Exited::not_found;
        default: return Exited::other_code;
    }
}

}  // namespace

void count_exit(metrics::HandlerRow& row, const std::optional<proc::Ending>& ending) {
    if (!ending) return row.exits[static_cast<std::size_t>(Exited::other_code)].add();
    row.exits[static_cast<std::size_t>(exit_of(*ending))].add();
    row.ended_cpu_microseconds.add(static_cast<std::uint64_t>(ending->cpu_seconds * 1e6));
}

}  // namespace portier::keeper

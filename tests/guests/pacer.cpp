#include "pacer.hpp"

#include <algorithm>
#include <cmath>

namespace portier::guests {
namespace {

std::uint64_t total_of(const Schedule& schedule) {
    if (schedule.rate <= 0 || schedule.duration_ns == 0) return schedule.total;
    const auto due =
        static_cast<std::uint64_t>(std::ceil(schedule.rate * static_cast<double>(schedule.duration_ns) / 1e9));
    return schedule.total == 0 ? due : std::min(due, schedule.total);
}

}  // namespace

Pacer::Pacer(const Schedule& schedule)
    : schedule_(schedule),
      counted_(total_of(schedule) != 0),
      share_(share_of(total_of(schedule), schedule.index, schedule.processes)) {}

bool Pacer::exhausted(std::int64_t now) const {
    if (stopped_ || (counted_ && taken_ >= share_)) return true;
    const bool closed_loop = schedule_.rate <= 0;
    return closed_loop && schedule_.duration_ns != 0 && now >= start_ns_ + schedule_.duration_ns;
}

std::int64_t Pacer::take(std::int64_t now) {
    const std::int64_t begin = next_ns(now);
    ++taken_;
    return begin;
}

std::int64_t Pacer::next_ns(std::int64_t now) const {
    if (schedule_.rate <= 0) return now;
    const double place = static_cast<double>(taken_ * schedule_.processes + schedule_.index);
    return start_ns_ + static_cast<std::int64_t>(place * 1e9 / schedule_.rate);
}

}  // namespace portier::guests

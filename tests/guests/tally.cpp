#include "tally.hpp"

#include <algorithm>
#include <numeric>

namespace portier::guests {

std::uint64_t Tally::operations() const {
    return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

void Tally::merge(const Tally& other) {
    for (std::size_t i = 0; i < kOutcomes; ++i) outcomes[i] += other.outcomes[i];
    connections += other.connections;
    held += other.held;
    late += other.late;
    sent_bytes += other.sent_bytes;
    received_bytes += other.received_bytes;
    if (system_errno == 0) system_errno = other.system_errno;
    if (other.finished_ns != 0) {
        started_ns = finished_ns == 0 ? other.started_ns : std::min(started_ns, other.started_ns);
        finished_ns = std::max(finished_ns, other.finished_ns);
    }
    connect.merge(other.connect);
    response.merge(other.response);
}

}  // namespace portier::guests

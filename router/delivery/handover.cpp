#include "delivery/handover.hpp"

namespace portier::delivery {

metrics::Handover handover_of(const Accepted& accepted, std::uint32_t process_row) {
    metrics::Handover record{accepted.cookie, accepted.accepted_us / 1000, process_row, accepted.port_row};
    if (accepted.header_size == 0) return record;
    record.ends = {.client_family = accepted.remote.address.family,
                   .local_family = accepted.local.address.family,
                   .client_port = accepted.remote.port,
                   .local_port = accepted.local.port,
                   .header_size = accepted.header_size,
                   .client = accepted.remote.address.bytes,
                   .local = accepted.local.address.bytes};
    return record;
}

}  // namespace portier::delivery

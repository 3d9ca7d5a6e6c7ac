// A kernel whose memory for socket options is small (net.core.optmem_max): this program's setsockopt stands before the
// C library's and refuses large filters.
#pragma once

namespace portier::test {

// Filters of more instructions fail with ENOMEM, until this object ends.
class FilterLimit {
public:
    explicit FilterLimit(unsigned instructions);
    ~FilterLimit();
};

}  // namespace portier::test

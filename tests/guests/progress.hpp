// Progress is the bar of `hold` on a terminal (standard error); anywhere else it is silent. Parent process only.
#pragma once

#include <cstdint>

#include "options.hpp"
#include "stage.hpp"

namespace portier::guests {

class Progress {
public:
    Progress(const Options& options, const Stage& stage);

    void show();
    void clear();

    std::uint64_t open() const;  // connections open now, over all processes

private:
    void draw(const char* what, std::uint64_t done) const;

    const Options& options_;
    const Stage& stage_;
    const bool on_;
};

}  // namespace portier::guests

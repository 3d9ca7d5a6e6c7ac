// The descriptors that the keeper has offered and nobody has taken yet, by number. Desk thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "base/fd.hpp"

namespace portier::delivery {

class Descriptors {
public:
    void add(std::uint32_t number, Fd fd) { offered_[number] = std::move(fd); }

    // An empty Fd: that number was never offered, or is taken.
    Fd take(std::uint32_t number) {
        const auto found = offered_.find(number);
        if (found == offered_.end()) return Fd();
        Fd fd = std::move(found->second);
        offered_.erase(found);
        return fd;
    }

    // Once a plan is in force, what it did not take is not wanted.
    void clear() { offered_.clear(); }

private:
    std::unordered_map<std::uint32_t, Fd> offered_;
};

}  // namespace portier::delivery

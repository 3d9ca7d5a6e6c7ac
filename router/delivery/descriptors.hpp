// The descriptors that the keeper has offered and nobody has taken yet, by number. Desk thread only; what is shared may
// be let go by any thread.
#pragma once

#include <cstdint>
#include <memory>
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

    // The same for a descriptor that passes from one owner to another when ports change: as long as somebody has it,
    // everybody can get it. nullptr: nobody has it, and it was not offered.
    std::shared_ptr<Fd> share(std::uint32_t number) {
        if (Fd fd = take(number)) {
            auto fresh = std::make_shared<Fd>(std::move(fd));
            shared_[number] = fresh;
            return fresh;
        }
        const auto found = shared_.find(number);
        return found == shared_.end() ? nullptr : found->second.lock();
    }

    // Forgets the numbers of shared descriptors that nobody has any more.
    void forget_ended() {
        std::erase_if(shared_, [](const auto& item) { return item.second.expired(); });
    }

    // Once a plan is in force, what it did not take is not wanted.
    void clear() { offered_.clear(); }

private:
    std::unordered_map<std::uint32_t, Fd> offered_;
    std::unordered_map<std::uint32_t, std::weak_ptr<Fd>> shared_;
};

}  // namespace portier::delivery

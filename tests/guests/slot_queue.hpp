// SlotQueue is a first-in first-out queue of slots with room for all of them: no allocation after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace portier::guests {

class SlotQueue {
public:
    explicit SlotQueue(std::size_t capacity) : slots_(capacity) {}

    bool empty() const { return size_ == 0; }

    // A slot is in the queue at most once, so there is always room.
    void push(std::uint32_t slot) {
        slots_[(first_ + size_) % slots_.size()] = slot;
        ++size_;
    }

    std::uint32_t pop() {
        const std::uint32_t slot = slots_[first_];
        first_ = (first_ + 1) % slots_.size();
        --size_;
        return slot;
    }

private:
    std::vector<std::uint32_t> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace portier::guests

#include "delivery/relay/timer_wheel.hpp"

#include <algorithm>

namespace portier::delivery {

void TimerWheel::Item::unlink() {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = this;
    if (count_) --*count_;
    count_ = nullptr;
}

void TimerWheel::Item::link_before(Item& other) {
    next_ = &other;
    previous_ = other.previous_;
    previous_->next_ = this;
    other.previous_ = this;
}

// A whole ring, without its head `other`.
void TimerWheel::Item::take_neighbours_of(Item& other) {
    link_before(other);
    other.unlink();
}

void TimerWheel::set(Item& item, std::uint64_t due_ms) {
    item.unlink();
    item.due_ms_ = due_ms;
    item.count_ = &count_;
    ++count_;
    // Rounded up, and never into the slot that is just being emptied.
    item.link_before(slots_[std::max(due_ms / kTickMs + 1, tick_ + 1) % kSlots]);
}

void TimerWheel::advance(std::uint64_t now_ms, const std::function<void(Item&)>& due) {
    const std::uint64_t last = now_ms / kTickMs;
    if (last > tick_ + kSlots) tick_ = last - kSlots;  // more than once round: every slot is looked at
    while (tick_ < last) {
        // Aside first: items of a later round come back to the same slot.
        Item aside;
        aside.take_neighbours_of(slots_[++tick_ % kSlots]);
        while (aside.next_ != &aside) {
            Item& item = *aside.next_;
            const std::uint64_t due_ms = item.due_ms_;
            item.unlink();
            if (due_ms <= now_ms)
                due(item);
            else
                set(item, due_ms);
        }
    }
}

}  // namespace portier::delivery

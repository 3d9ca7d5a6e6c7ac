// Deadlines of very many connections at the price of a pointer move each: they fall due up to a tick late. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace portier::delivery {

class TimerWheel {
public:
    static constexpr std::uint64_t kTickMs = 50;

    // Part of what has the deadline; taken off the wheel when it goes.
    class Item {
    public:
        Item() = default;
        Item(const Item&) = delete;
        Item& operator=(const Item&) = delete;
        ~Item() { unlink(); }

    private:
        friend class TimerWheel;
        void unlink();
        void link_before(Item& other);
        void take_neighbours_of(Item& other);

        Item* next_ = this;
        Item* previous_ = this;
        std::uint64_t due_ms_ = 0;
        std::uint64_t* count_ = nullptr;  // of the wheel it is on
    };

    explicit TimerWheel(std::uint64_t now_ms) : tick_(now_ms / kTickMs) {}

    // In place of the deadline it had. The same clock as advance().
    void set(Item& item, std::uint64_t due_ms);
    void cancel(Item& item) { item.unlink(); }
    bool empty() const { return count_ == 0; }

    // Takes off and reports every item whose time has come; `due` may set and destroy any of them.
    void advance(std::uint64_t now_ms, const std::function<void(Item&)>& due);

private:
    static constexpr std::size_t kSlots = 512;  // 25 s; what is due later goes round again

    std::array<Item, kSlots> slots_;
    std::uint64_t tick_;
    std::uint64_t count_ = 0;
};

}  // namespace portier::delivery

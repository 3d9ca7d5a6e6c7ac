// Hands values from any thread to one that reads them, in the order in which they were put, without a lock: a list that
// grows at its newest end and is taken whole.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace portier::delivery {

template <typename T>
class Mailbox {
public:
    Mailbox() = default;
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox() { take_all(); }

    // Any thread. True: there was nothing before, so the reader may have to be woken.
    bool put(T value) {
        auto* const letter = new Letter{std::move(value), nullptr};
        Letter* before = newest_.load(std::memory_order_relaxed);
        do {
            letter->older = before;
        } while (!newest_.compare_exchange_weak(before, letter));
        return !before;  // the letter itself may be read and gone by now
    }

    // The reader: what is there now.
    std::vector<T> take_all() {
        std::vector<T> values;
        std::unique_ptr<Letter> letter(newest_.exchange(nullptr));
        while (letter) {
            values.push_back(std::move(letter->value));
            letter.reset(letter->older);
        }
        std::reverse(values.begin(), values.end());
        return values;
    }

    bool empty() const { return !newest_.load(); }

private:
    struct Letter {
        T value;
        Letter* older;
    };

    std::atomic<Letter*> newest_{nullptr};  // owns it and all older ones
};

}  // namespace portier::delivery

// Everybody who is connected now, so that the program knows when the last one left and can ask all to leave.
// Io thread only, as everything in push.
#pragma once

#include <cstddef>
#include <unordered_set>
#include <vector>

namespace push {

class Guest {
public:
    virtual ~Guest() = default;
    // Close as soon as what is owed is sent.
    virtual void finish() = 0;
};

class Guests {
public:
    void enter(Guest& guest) { guests_.insert(&guest); }
    void leave(Guest& guest) { guests_.erase(&guest); }
    std::size_t count() const { return guests_.size(); }

    void finish() {
        // A copy: finishing may make some leave at once.
        for (Guest* guest : std::vector<Guest*>(guests_.begin(), guests_.end()))
            if (guests_.contains(guest)) guest->finish();
    }

private:
    std::unordered_set<Guest*> guests_;
};

}  // namespace push

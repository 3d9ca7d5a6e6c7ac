// Who is in which room: a set of guests by descriptor number for each room that has any. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

namespace chat {

class Rooms {
public:
    void enter(int guest, const std::string& room) { rooms_[room].insert(guest); }

    // A room that is empty is gone.
    void leave(int guest, const std::string& room) {
        const auto found = rooms_.find(room);
        if (found == rooms_.end()) return;
        found->second.erase(guest);
        if (found->second.empty()) rooms_.erase(found);
    }

    const std::set<int>& in(const std::string& room) const {
        static const std::set<int> kNobody;
        const auto found = rooms_.find(room);
        return found == rooms_.end() ? kNobody : found->second;
    }

private:
    std::map<std::string, std::set<int>> rooms_;
};

}  // namespace chat

#include "keeper/changes.hpp"

#include <algorithm>

namespace portier::keeper {

namespace {

const std::string& name_of(const config::Handler& handler) {
    return handler.name;
}
const std::string& name_of(const config::Port& port) {
    return port.key;
}

template <typename Item>
const Item* find(const std::vector<Item>& items, const std::string& name) {
    const auto found =
        std::find_if(items.begin(), items.end(), [&](const Item& item) { return name_of(item) == name; });
    return found == items.end() ? nullptr : &*found;
}

template <typename Item, typename Describe>
std::string describe(const std::vector<Item>& before, const std::vector<Item>& after, const Describe& describe_one) {
    std::string text;
    for (const Item& item : before)
        if (!find(after, name_of(item))) text += describe_one(item, "removed");
    for (const Item& item : after) {
        const Item* present = find(before, name_of(item));
        if (!present) text += describe_one(item, "added");
        if (present && !(*present == item)) text += describe_one(item, "changed");
    }
    return text;
}

}  // namespace

std::string describe_changes(const config::Config& before, const config::Config& after,
                             const std::set<std::string>& restarted) {
    std::string text = describe(before.handlers, after.handlers, [&](const config::Handler& handler, std::string how) {
        if (how == "changed")
            how += restarted.contains(handler.name) ? ", its processes are replaced" : ", its processes stay";
        return "handler " + handler.name + ": " + how + "\n";
    });
    // A port that comes or goes changes what its inheriting processes hold.
    for (const std::string& name : restarted) {
        const config::Handler* present = find(before.handlers, name);
        const config::Handler* next = find(after.handlers, name);
        if (present && next && *present == *next) text += "handler " + name + ": its processes are replaced\n";
    }
    text += describe(before.ports, after.ports, [](const config::Port& port, const std::string& how) {
        return "port " + port.key + ": " + how + (how == "removed" ? "" : ", handler " + port.handler) + "\n";
    });
    if (!(before.admin == after.admin)) text += "admin: changed\n";
    if (!(before.router == after.router)) text += "router: changed\n";
    return text;
}

}  // namespace portier::keeper

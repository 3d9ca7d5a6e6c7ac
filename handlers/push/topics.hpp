// Who hears what: the subscribers of each topic. Io thread only.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace push {

// One for all subscribers, however many.
using Message = std::shared_ptr<const std::string>;

class Listener {
public:
    virtual ~Listener() = default;
    // Must not change the topics; a listener that cannot keep up sees to itself later.
    virtual void hear(const Message& message) = 0;
};

class Topics {
public:
    void subscribe(const std::string& topic, Listener& listener) { topics_[topic].insert(&listener); }
    // A topic without subscribers is gone.
    void unsubscribe(const std::string& topic, Listener& listener);
    // Returns how many subscribers got it.
    std::size_t publish(const std::string& topic, std::string text);

private:
    std::map<std::string, std::set<Listener*>> topics_;
};

// The NAME of "/topic/NAME": 1 to 64 letters, digits, '.', '_' or '-'; empty: not a topic.
std::string topic_of(std::string_view target);

}  // namespace push

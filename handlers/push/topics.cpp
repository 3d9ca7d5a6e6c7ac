#include "push/topics.hpp"

namespace push {

void Topics::unsubscribe(const std::string& topic, Listener& listener) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    found->second.erase(&listener);
    if (found->second.empty()) topics_.erase(found);
}

std::size_t Topics::publish(const std::string& topic, std::string text) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return 0;
    const Message message = std::make_shared<const std::string>(std::move(text));
    for (Listener* listener : found->second) listener->hear(message);
    return found->second.size();
}

std::string topic_of(std::string_view target) {
    constexpr std::string_view kPrefix = "/topic/";
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (!target.starts_with(kPrefix)) return {};
    const std::string_view name = target.substr(kPrefix.size());
    if (name.size() > 64 || name.find_first_not_of(kAllowed) != name.npos) return {};
    return std::string(name);
}

}  // namespace push

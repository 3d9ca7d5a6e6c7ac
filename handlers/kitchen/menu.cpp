#include "kitchen/menu.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.hpp"

namespace kitchen {

namespace {

constexpr std::array<std::string_view, 5> kVeg{"dosa", "idli", "paneer", "samosa", "thali"};
constexpr std::array<std::string_view, 5> kNonVeg{"biryani", "fish-curry", "keema", "kebab", "omelette"};

std::span<const std::string_view> dishes(Kind kind) {
    if (kind == Kind::veg) return kVeg;
    return kNonVeg;
}

std::string_view name_of(Kind kind) {
    return kind == Kind::veg ? "veg" : "non-veg";
}

bool cooks(Kind kind, std::string_view dish) {
    return std::ranges::count(dishes(kind), dish) > 0;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string menu(Kind kind) {
    std::string text = "today in the " + std::string(name_of(kind)) + " kitchen:";
    for (const std::string_view dish : dishes(kind)) text.append(" ").append(dish);
    return text;
}

std::string serve(Kind kind, std::string_view dish) {
    const Kind other = kind == Kind::veg ? Kind::non_veg : Kind::veg;
    if (cooks(kind, dish)) return "here is your " + std::string(dish) + ", enjoy";
    if (cooks(other, dish))
        return "sorry, this is the " + std::string(name_of(kind)) + " kitchen: for " + std::string(dish) +
               " please go to the " + std::string(name_of(other)) + " house";
    return "sorry, we do not cook \"" + portier::escape(dish) + "\": ask for the menu";
}

}  // namespace

std::optional<Kind> parse_kind(std::string_view text) {
    for (const Kind kind : {Kind::veg, Kind::non_veg})
        if (text == name_of(kind)) return kind;
    return std::nullopt;
}

Reply reply_to(Kind kind, std::string_view request) {
    request = trim(request);
    const std::string_view verb = request.substr(0, request.find_first_of(" \t"));
    const std::string_view rest = trim(request.substr(verb.size()));
    if (verb == "order" && !rest.empty()) return {serve(kind, rest) + "\n"};
    if (request == "menu") return {menu(kind) + "\n"};
    if (request == "bye") return {"thank you, come again\n", true};
    return {"please say: order NAME, menu, or bye\n"};
}

}  // namespace kitchen

// reference_markdown(): the tables as the reference part of config/README.md.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/fields.hpp"

namespace portier::config {

namespace {

std::string code(std::string_view text) {
    return text.empty() ? "" : fmt::format("`{}`", text);
}

std::string values(const Field& field) {
    if (field.kind != Kind::word) return expected(field);
    std::vector<std::string> words;
    for (const std::string& word : field.words) words.push_back(code(word));
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string words_of(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> words;
    for (const Delivery delivery : deliveries) words.push_back(code(to_string(delivery)));
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string scope(const Field& field) {
    const auto& [tcp, udp, accepting, processes, staying] = field.scope;
    std::string out;
    if (udp.empty()) out += " Only tcp.";
    if (tcp.empty()) out += " Only udp.";
    const auto& most = tcp.empty() ? udp : tcp;
    if (most != kEveryDelivery) out += fmt::format(" Only delivery {}", words_of(most));
    if (most != kEveryDelivery && accepting) out += " (not style `inetd-wait`)";
    if (!tcp.empty() && !udp.empty() && udp != tcp) out += fmt::format(", over udp {}", words_of(udp));
    if (most != kEveryDelivery) out += '.';
    if (processes) out += " `relay`: only with a `command`.";
    if (staying) out += " `spawn`: only style `inetd-wait`.";
    return out;
}

template <typename Object>
std::string default_of(const Table<Object>& table, std::size_t index) {
    const Field& field = table.fields[index];
    if (field.required) return "required";
    const std::string value = to_yaml(field, table.get(index, Object{}));
    return value.empty() ? field.if_unset : code(value);
}

template <typename Object>
std::string table_of(const Table<Object>& table) {
    std::string out = "| key | value | default | example | meaning |\n|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        if (field.kind == Kind::section) {
            out += fmt::format("| `{}` | a map | | | {}{} |\n", field.key, field.help, scope(field));
            continue;
        }
        out += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", field.key, values(field), default_of(table, i),
                           code(field.example), field.help, scope(field));
    }
    return out;
}

std::string top_level() {
    std::string out = "| key | meaning |\n|---|---|\n";
    for (const Field& field : file_fields()) out += fmt::format("| `{}` | {} |\n", field.key, field.help);
    return out;
}

}  // namespace

std::string reference_markdown() {
    return fmt::format(
        "### The file\n\n{}\n### A handler: `handlers.NAME`\n\n{}\n### An entry of `connect` that is a map\n\n{}\n"
        "### A port: `ports.\"[address:]port[-port]/protocol\"`\n\n{}\n### `admin`\n\n{}\n### `router`\n\n{}",
        top_level(), table_of(handler_table()), table_of(backend_table()), table_of(port_table()),
        table_of(admin_table()), table_of(router_table()));
}

}  // namespace portier::config

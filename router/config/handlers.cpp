// read_handlers(): the map `handlers`.
#include <fmt/format.h>

#include <algorithm>

#include "config/drafts.hpp"

namespace portier::config {

namespace {

constexpr std::size_t kLongestName = 64;

bool is_name(std::string_view text) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto fits = [&](char c) { return letter(c) || c == '_' || c == '-' || c == '.'; };
    return !text.empty() && text.size() <= kLongestName && letter(text[0]) &&
           std::all_of(text.begin(), text.end(), fits);
}

bool check_name(const Node& key, const std::string& path, Diagnostics& diagnostics) {
    static const Field name{.key = "name", .kind = Kind::text, .help = ""};
    if (!decode_text({name, path, key.at, diagnostics}, key)) return false;
    if (is_name(key.text)) return true;
    diagnostics.add({.at = key.at,
                     .key_path = path,
                     .message = fmt::format("{} cannot be the name of a handler", in_quotes(key.text)),
                     .hint = "a name has up to 64 letters, digits, and . _ - after the first"});
    return false;
}

// A key of a handler that stands where the name of one belongs: the line was not indented.
bool is_misplaced(const Entry& entry, const std::string& path, Diagnostics& diagnostics) {
    const std::vector<Field>& fields = handler_table().fields;
    const bool known = std::any_of(fields.begin(), fields.end(),
                                   [&](const Field& field) { return !field.planned && field.key == entry.key.text; });
    if (!known || entry.value.kind == Node::Kind::map) return false;
    diagnostics.add(
        {.at = entry.key.at,
         .key_path = path,
         .message = fmt::format("{} is a key of a handler, but stands beside their names", in_quotes(entry.key.text)),
         .hint = "indent it further than the name of its handler"});
    return true;
}

// An option that the delivery cannot do: refused when it is the handler's own, left out when it is a default.
void check_scope(HandlerDraft& draft, Diagnostics& diagnostics) {
    const Table<Handler>& table = handler_table();
    if (!has_delivery(draft)) return;
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
        const Field& field = table.fields[i];
        const std::optional<Written>& place = draft.written[i];
        if (!place || applies(field, draft.object.delivery, Protocol::tcp)) continue;
        if (!place->own) {
            table.set(i, draft.object, table.get(i, Handler{}));
            continue;
        }
        diagnostics.add({.at = place->key,
                         .key_path = draft.path + '.' + field.key,
                         .message = fmt::format("delivery {} has no {}", to_string(draft.object.delivery), field.key),
                         .hint = fmt::format("delivery {} has", to_string(field.scope.deliveries.front()))});
    }
}

}  // namespace

bool has_delivery(const HandlerDraft& draft) {
    if (draft.written.empty()) return false;
    const auto place = written(handler_table(), draft, "delivery");
    return !place || place->good;
}

std::vector<HandlerDraft> read_handlers(const Outline& outline, const Sources& sources, Diagnostics& diagnostics) {
    const Table<Handler>& table = handler_table();
    HandlerDraft defaults{.object = {}, .path = "defaults.handler", .key = {}, .written = {}};
    defaults.written.resize(table.fields.size());
    if (const Entry* entry = outline.default_handler)
        read_object({entry->value, defaults.path, entry->key.at}, table, defaults, diagnostics);
    make_inherited(defaults);

    std::vector<HandlerDraft> drafts;
    for (const Entry* entry : outline.handlers) {
        HandlerDraft draft = defaults;
        draft.path = "handlers." + entry->key.text;
        draft.key = entry->key.at;
        draft.object.name = entry->key.text;
        draft.object.mark = mark_of(sources, entry->key.at);
        static const Field map{
            .key = "handler", .kind = Kind::section, .help = "", .example = "{command: [./kitchen]}"};
        if (!is_misplaced(*entry, draft.path, diagnostics) && check_name(entry->key, draft.path, diagnostics) &&
            decode({map, draft.path, entry->key.at, diagnostics}, entry->value)) {
            read_object({entry->value, draft.path, entry->key.at}, table, draft, diagnostics);
            check_scope(draft, diagnostics);
        } else {
            draft.written.clear();
        }
        drafts.push_back(std::move(draft));
    }
    return drafts;
}

}  // namespace portier::config

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
    const bool known =
        std::any_of(fields.begin(), fields.end(), [&](const Field& field) { return field.key == entry.key.text; });
    if (!known || entry.value.kind == Node::Kind::map) return false;
    diagnostics.add(
        {.at = entry.key.at,
         .key_path = path,
         .message = fmt::format("{} is a key of a handler, but stands beside their names", in_quotes(entry.key.text)),
         .hint = "indent it further than the name of its handler"});
    return true;
}

// An option that the delivery cannot do: refused when it is the handler's own, left out when it is a default.
class ScopeCheck {
public:
    ScopeCheck(HandlerDraft& draft, Diagnostics& diagnostics)
        : draft_(draft), diagnostics_(diagnostics), written_command_(written(handler_table(), draft, "command")) {}

    void run() {
        for (std::size_t i = 0; i < table_.fields.size(); ++i)
            if (draft_.written[i] && !fits(i)) leave_out(i);
    }

private:
    bool applies_here(const Field& field) const {
        const Handler& handler = draft_.object;
        const bool unknown_command = written_command_ && !written_command_->good;
        if (unknown_command && field.scope.processes) return true;
        return applies(field, handler);
    }

    // A key of a section shares its fate.
    bool fits(std::size_t index) const {
        const Field* section = section_of(table_.fields, table_.fields[index]);
        return applies_here(table_.fields[index]) && (section == nullptr || applies_here(*section));
    }

    void leave_out(std::size_t index) {
        const Field& field = table_.fields[index];
        const Written& place = *draft_.written[index];
        if (place.own && applies_here_as_section(field)) return report(field, place.key);
        if (!place.own && table_.has_member(index)) table_.reset(index, draft_.object);
    }

    bool applies_here_as_section(const Field& field) const {
        const Field* section = section_of(table_.fields, field);
        return section == nullptr || applies_here(*section);
    }

    void report(const Field& field, const Place& at) {
        const Handler& handler = draft_.object;
        std::string message = fmt::format("delivery {} has no {}", to_string(handler.delivery), field.key);
        std::string hint = deliveries_of(field, field.scope.tcp.empty() ? Protocol::udp : Protocol::tcp) + " has";
        if (handler.delivery == Delivery::relay && field.scope.processes) {
            message = fmt::format("{} is about processes, and without a command there are none", field.key);
            hint = "give the handler a command, or leave it out";
        } else if (handler.delivery == Delivery::spawn && field.scope.accepting) {
            message = fmt::format("style {} has no {}: it is one process a port", to_string(handler.style), field.key);
            hint = "the other styles have";
        } else if (handler.delivery == Delivery::spawn && field.scope.staying) {
            message = fmt::format("style {} has no {}: a process ends with its connection", to_string(handler.style),
                                  field.key);
            hint = "style inetd-wait has";
        }
        diagnostics_.add({.at = at,
                          .key_path = draft_.path + '.' + field.key,
                          .message = std::move(message),
                          .hint = std::move(hint)});
    }

    const Table<Handler>& table_ = handler_table();
    HandlerDraft& draft_;
    Diagnostics& diagnostics_;
    const std::optional<Written> written_command_;
};

// Nobody keeps a process running for them.
void count_no_processes(Handler& handler) {
    const bool none = handler.delivery == Delivery::relay && handler.command.empty();
    if (none || handler.delivery == Delivery::spawn) handler.processes = 0;
}

void mark_backends(HandlerDraft& draft, const Sources& sources) {
    const auto place = written(handler_table(), draft, "connect");
    if (!place || place->items.size() != draft.object.connect.size()) return;
    for (std::size_t i = 0; i < place->items.size(); ++i)
        draft.object.connect[i].mark = mark_of(sources, place->items[i]);
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
            if (has_delivery(draft)) ScopeCheck(draft, diagnostics).run();
            count_no_processes(draft.object);
            mark_backends(draft, sources);
        } else {
            draft.written.clear();
        }
        drafts.push_back(std::move(draft));
    }
    return drafts;
}

}  // namespace portier::config

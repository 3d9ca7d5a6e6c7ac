// read_ports(): the map `ports`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "config/drafts.hpp"
#include "config/port_key.hpp"

namespace portier::config {

namespace {

class PortReader {
public:
    PortReader(const Outline& outline, const std::vector<HandlerDraft>& handlers, Diagnostics& diagnostics)
        : table_(port_table()), diagnostics_(diagnostics) {
        for (const HandlerDraft& handler : handlers) {
            names_.push_back(handler.object.name);
            handlers_.emplace(handler.object.name, &handler);
        }
        defaults_.path = "defaults.port";
        defaults_.written.resize(table_.fields.size());
        if (const Entry* entry = outline.default_port)
            read_object({entry->value, defaults_.path, entry->key.at}, table_, defaults_, diagnostics_);
        make_inherited(defaults_);
    }

    std::optional<PortDraft> read(const Entry& entry) {
        PortDraft draft = defaults_;
        draft.path = "ports." + entry.key.text;
        draft.key = entry.key.at;
        if (!read_key(entry.key, draft)) return std::nullopt;
        if (entry.value.kind == Node::Kind::null || entry.value.kind == Node::Kind::sequence) {
            report_no_handler(draft);
            return draft;
        }
        if (entry.value.kind == Node::Kind::map) {
            read_object({entry.value, draft.path, entry.key.at}, table_, draft, diagnostics_);
        } else if (const auto name = decode_text(
                       {table_.fields[handler_index()], draft.path, entry.key.at, diagnostics_}, entry.value)) {
            draft.object.handler = *name;
            draft.written[handler_index()] = Written{entry.key.at, entry.value.at};
        } else {
            return draft;
        }
        check_handler(draft);
        return draft;
    }

private:
    std::size_t handler_index() const {
        const auto found = std::find_if(table_.fields.begin(), table_.fields.end(),
                                        [](const Field& field) { return field.key == "handler"; });
        return static_cast<std::size_t>(found - table_.fields.begin());
    }

    bool read_key(const Node& key, PortDraft& draft) {
        const Parsed<PortKey> parsed = parse_port_key(key.text);
        if (!parsed.value) {
            diagnostics_.add({.at = key.at,
                              .key_path = draft.path,
                              .message = fmt::format("{} {}", in_quotes(key.text), parsed.problem),
                              .hint = key_hint(key.text, parsed.hint)});
            return false;
        }
        draft.object.key = key.text;
        draft.object.protocol = parsed.value->protocol;
        draft.object.address = parsed.value->address;
        draft.object.first = parsed.value->first;
        draft.object.last = parsed.value->last;
        return true;
    }

    std::string key_hint(const std::string& key, const std::string& usual) const {
        if (key.find("${") != std::string::npos) return "variables are for values, not for keys";
        for (const Field& field : table_.fields)
            if (field.key == key) return "it is a key of a port: indent it further than the port";
        return usual;
    }

    void check_handler(PortDraft& draft) {
        const std::optional<Written>& place = draft.written[handler_index()];
        const std::string& name = draft.object.handler;
        if (!place) return report_no_handler(draft);
        const auto found = handlers_.find(name);
        if (found != handlers_.end()) {
            if (has_delivery(*found->second)) check_delivery(draft, found->second->object, place->value);
            return;
        }
        if (!place->good) return;
        if (diagnostics_.full()) return diagnostics_.add({});
        diagnostics_.add({.at = place->value,
                          .key_path = draft.path,
                          .message = fmt::format("the handler {} is not defined", in_quotes(name)),
                          .hint = hint_for(name)});
    }

    void report_no_handler(const PortDraft& draft) {
        diagnostics_.add({.at = draft.key,
                          .key_path = draft.path,
                          .message = "no handler is named",
                          .hint = fmt::format("as in {}: veg, or in a map {{handler: veg}}", draft.object.key)});
    }

    std::string hint_for(const std::string& name) const {
        constexpr std::size_t kFew = 8;
        const std::string near = did_you_mean(name, names_);
        if (!near.empty() || names_.empty() || names_.size() > kFew) return near;
        return fmt::format("the handlers are {}", fmt::join(names_, ", "));
    }

    void check_delivery(PortDraft& draft, const Handler& handler, const Place& at) {
        if (handler.delivery == Delivery::spawn && draft.object.protocol == Protocol::udp && router_accepts(handler)) {
            diagnostics_.add({.at = at,
                              .key_path = draft.path,
                              .message = fmt::format("style {} of {} starts a process for each connection, and udp has "
                                                     "none",
                                                     to_string(handler.style), in_quotes(handler.name)),
                              .hint = "style inetd-wait serves udp"});
            return;
        }
        for (std::size_t i = 0; i < table_.fields.size(); ++i)
            if (draft.written[i]) check_field(draft, i, handler);
    }

    // An option that cannot be enforced here: refused when it is the port's own, left out when it is a default.
    void check_field(PortDraft& draft, std::size_t index, const Handler& handler) {
        const Field& field = table_.fields[index];
        const Field* section = section_of(table_.fields, field);
        const bool section_applies = section == nullptr || applies(*section, handler, draft.object.protocol);
        if (section_applies && applies(field, handler, draft.object.protocol)) return;
        const Written& place = *draft.written[index];
        if (!place.own) {
            if (table_.has_member(index)) table_.reset(index, draft.object);
        } else if (section_applies) {
            report(draft, field, place.key, handler);
        }
    }

    void report(const PortDraft& draft, const Field& field, const Place& at, const Handler& handler) {
        const Protocol protocol = draft.object.protocol;
        const std::string able = deliveries_of(field, protocol);
        std::string message = fmt::format("a {} port has no {}", to_string(protocol), in_quotes(field.key));
        std::string hint = fmt::format("it is for {} ports", protocol == Protocol::tcp ? "udp" : "tcp");
        if (!able.empty()) {
            message = fmt::format("delivery {} cannot enforce {}: {}", to_string(handler.delivery),
                                  in_quotes(field.key), reason(handler));
            hint = able + " can";
        } else if (!field.over_udp.empty()) {
            hint = "over udp delivery handoff or relay has " + field.over_udp;
        }
        diagnostics_.add({.at = at,
                          .key_path = draft.path + '.' + field.key,
                          .message = std::move(message),
                          .hint = std::move(hint)});
    }

    // Why the router cannot do it.
    static std::string reason(const Handler& handler) {
        if (!router_accepts(handler))
            return fmt::format("the processes of {} accept by themselves", in_quotes(handler.name));
        return fmt::format("what {} has been given is out of the router's hands", in_quotes(handler.name));
    }

    const Table<Port>& table_;
    Diagnostics& diagnostics_;
    PortDraft defaults_;
    std::vector<std::string> names_;
    std::unordered_map<std::string, const HandlerDraft*> handlers_;
};

}  // namespace

std::vector<PortDraft> read_ports(const Outline& outline, const std::vector<HandlerDraft>& handlers,
                                  const Sources& sources, Diagnostics& diagnostics) {
    PortReader reader(outline, handlers, diagnostics);
    std::vector<PortDraft> drafts;
    for (const Entry* entry : outline.ports) {
        auto draft = reader.read(*entry);
        if (!draft) continue;
        draft->object.mark = mark_of(sources, entry->key.at);
        drafts.push_back(std::move(*draft));
    }
    return drafts;
}

}  // namespace portier::config

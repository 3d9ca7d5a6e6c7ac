#include "config/outline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "config/fields.hpp"
#include "config/object_reader.hpp"

namespace portier::config {

namespace {

const Field* find_field(std::string_view key) {
    const auto& fields = file_fields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
    return found == fields.end() ? nullptr : &*found;
}

class OutlineReader {
public:
    explicit OutlineReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    void read(const Document& document, bool main) {
        bool has_version = false;
        for (const Entry& entry : document.root.entries) {
            const std::string& key = entry.key.text;
            if (is_private(entry.key) || key == "include") continue;  // read_documents has done it
            has_version = has_version || key == "version";
            const Field* field = find_field(key);
            if (field == nullptr || key.find('.') != std::string::npos) {
                report_unknown(entry, "", {"version", "include", "defaults", "handlers", "ports", "admin", "router"});
            } else if (!main && key != "handlers" && key != "ports") {
                diagnostics_.add({.at = entry.key.at,
                                  .key_path = key,
                                  .message = fmt::format("{} belongs in the main file", in_quotes(key)),
                                  .hint = "an included file holds handlers, ports and include"});
            } else {
                take(*field, entry);
            }
        }
        if (main && !has_version) report_missing_version(document);
    }

    Outline result() { return std::move(outline_); }

private:
    void take(const Field& field, const Entry& entry) {
        const std::string& key = field.key;
        if (key == "version") return check_version(field, entry);
        if (!decode({field, key, entry.key.at, diagnostics_}, entry.value)) return;
        if (key == "admin") outline_.admin = &entry;
        if (key == "router") outline_.router = &entry;
        if (key == "defaults") take_defaults(entry);
        if (key == "handlers") take_handlers(entry.value);
        if (key == "ports")
            for (const Entry& port : entry.value.entries)
                if (!is_private(port.key)) outline_.ports.push_back(&port);
    }

    void take_defaults(const Entry& defaults) {
        for (const Entry& entry : defaults.value.entries) {
            if (is_private(entry.key)) continue;
            const std::string path = "defaults." + entry.key.text;
            const Field* field = find_field(path);
            if (field == nullptr) {
                report_unknown(entry, "defaults.", {"handler", "port"});
            } else if (decode({*field, path, entry.key.at, diagnostics_}, entry.value)) {
                (entry.key.text == "handler" ? outline_.default_handler : outline_.default_port) = &entry;
            }
        }
    }

    void take_handlers(const Node& map) {
        for (const Entry& entry : map.entries) {
            if (is_private(entry.key)) continue;
            const auto [first, fresh] = handlers_.emplace(entry.key.text, entry.key.at);
            if (fresh) {
                outline_.handlers.push_back(&entry);
                continue;
            }
            diagnostics_.add({.at = entry.key.at,
                              .key_path = "handlers." + entry.key.text,
                              .message = fmt::format("the handler {} is defined twice", in_quotes(entry.key.text)),
                              .other = first->second});
        }
    }

    void check_version(const Field& field, const Entry& entry) {
        const Node& value = entry.value;
        if (value.kind == Node::Kind::scalar && value.text == "1") return;
        if (value.kind != Node::Kind::scalar) {
            decode({field, "version", entry.key.at, diagnostics_}, value);
            return;
        }
        diagnostics_.add({.at = value.at,
                          .key_path = "version",
                          .message = fmt::format("version {} is not known", in_quotes(value.text)),
                          .hint = "this portier reads version 1"});
    }

    void report_missing_version(const Document& document) {
        diagnostics_.add({.at = document.root.at,
                          .key_path = "version",
                          .message = "the version of the file's form is missing",
                          .hint = "begin the file with: version: 1"});
    }

    void report_unknown(const Entry& entry, const std::string& prefix, const std::vector<std::string>& keys) {
        if (diagnostics_.full()) return diagnostics_.add({});
        const std::string near = did_you_mean(entry.key.text, keys);
        diagnostics_.add({.at = entry.key.at,
                          .key_path = prefix + entry.key.text,
                          .message = fmt::format("unknown key {}", in_quotes(entry.key.text)),
                          .hint = near.empty() ? unknown_key_hint(entry.key.text, keys) : near});
    }

    Diagnostics& diagnostics_;
    Outline outline_;
    std::map<std::string_view, Place> handlers_;
};

}  // namespace

Outline outline(const std::vector<Document>& documents, Diagnostics& diagnostics) {
    OutlineReader reader(diagnostics);
    for (const Document& document : documents) reader.read(document, &document == &documents.front());
    return reader.result();
}

}  // namespace portier::config

#include "config/documents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "config/decode.hpp"
#include "config/fields.hpp"
#include "config/read_file.hpp"
#include "config/variables.hpp"
#include "config/yaml_reader.hpp"

namespace portier::config {

namespace {

constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxIncludeDepth = 64;

bool is_pattern(std::string_view text) {
    return text.find_first_of("*?[") != std::string_view::npos;
}

// Makes every byte of a folder mean itself to glob(3).
std::string literal(const std::string& folder) {
    std::string out;
    for (const char c : folder) {
        if (std::string_view("*?[]\\").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::vector<std::string> matches(const std::string& folder, const std::string& pattern) {
    const std::string whole = pattern.starts_with('/') ? pattern : literal(folder) + pattern;
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(whole.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    return paths;
}

// "conf.d/" of "conf.d/a.yaml", as it was given, so that messages show paths as the operator knows them.
std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

// The one name of a file that has several; as it is, when it does not exist.
std::string canonical(const std::string& path) {
    std::error_code error;
    const auto name = std::filesystem::canonical(path, error);
    return error ? path : name.string();
}

struct File {
    std::string path;       // as it was given
    std::string canonical;  // the one name of a file that has several
};

class DocumentReader {
public:
    DocumentReader(const Host& host, Sources& sources, Diagnostics& diagnostics)
        : host_(host), sources_(sources), diagnostics_(diagnostics) {}

    // `from`: the entry of an include list, nothing for the main file.
    void read(const File& file, const Place* from) {
        const std::string& path = file.path;
        const auto content = read_file(path, host_.user, from == nullptr ? Pipes::read : Pipes::refused);
        if (from == nullptr || content.value) sources_.emplace_back(path, content.value.value_or(""));
        const auto index = static_cast<std::uint32_t>(sources_.size() - 1);
        if (!content.value) {
            const std::string message =
                from == nullptr ? content.problem : fmt::format("{}: {}", path, content.problem);
            return report(from == nullptr ? Place{.source = index} : *from, message, content.hint);
        }
        std::string text = *content.value;
        const auto problem = clean_text(text);
        sources_.back() = Source(path, std::move(text));
        if (problem) return report(sources_[index].place(problem->offset, index), problem->message);
        auto root = read_yaml(sources_[index], index, diagnostics_);
        if (!root) return;
        if (root->kind != Node::Kind::map)
            return report(root->at, "the file is not a map of keys and values", "it begins with: version: 1");
        substitute_variables(*root, sources_[index], host_, diagnostics_);
        documents_.push_back({index, std::move(*root)});
        read_includes(file, documents_.back().root);
    }

    std::vector<Document> take() { return std::move(documents_); }

private:
    void report(const Place& at, std::string message, std::string hint = {}) {
        diagnostics_.add({.at = at, .message = std::move(message), .hint = std::move(hint)});
    }

    void read_includes(const File& file, const Node& root) {
        const auto& fields = file_fields();
        const auto field =
            std::find_if(fields.begin(), fields.end(), [](const Field& row) { return row.key == "include"; });
        std::vector<Node> items;
        for (const Entry& entry : root.entries) {
            if (entry.key.text != "include") continue;
            if (decode({*field, "include", entry.key.at, diagnostics_}, entry.value)) items = entry.value.items;
        }
        chain_.push_back(file);
        for (const Node& item : items) include(folder_of(file.path), item);
        chain_.pop_back();
    }

    void include(const std::string& folder, const Node& item) {
        if (!is_pattern(item.text))
            return include_file(item.text.starts_with('/') ? item.text : folder + item.text, item);
        const std::vector<std::string> paths = matches(folder, item.text);
        if (paths.empty()) warn_without_folder(folder, item);
        for (const std::string& path : paths) include_file(path, item);
    }

    // A folder without matching files is as it should be, but one that cannot be looked into may be misspelt.
    void warn_without_folder(const std::string& folder, const Node& item) {
        const std::string name = folder_of(item.text.substr(0, item.text.find_first_of("*?[")));
        const std::string path = name.starts_with('/') ? name : folder + name;
        std::error_code error;
        std::filesystem::directory_iterator(path.empty() ? "." : path, error);
        if (!error) return;
        diagnostics_.add({.severity = Severity::warning,
                          .at = item.at,
                          .message = fmt::format("the pattern {} matches nothing: {}: {}", in_quotes(item.text), path,
                                                 error.message())});
    }

    void include_file(const std::string& path, const Node& item) {
        const Place at = item.at;
        const File file{path, canonical(path)};
        if (loops(file, at)) return;
        if (chain_.size() > kMaxIncludeDepth)
            return report(at, fmt::format("files that include each other over more than {} levels", kMaxIncludeDepth));
        if (sources_.size() >= kMaxFiles) return report(at, fmt::format("more than {} files", kMaxFiles));
        const auto [first, fresh] = included_.emplace(file.canonical, at);
        if (fresh) return read(file, &at);
        diagnostics_.add({.at = at, .message = fmt::format("{} is included twice", path), .other = first->second});
    }

    bool loops(const File& file, const Place& at) {
        std::vector<std::string> names;
        for (const File& above : chain_) {
            if (names.empty() && above.canonical != file.canonical) continue;
            names.push_back(above.path);
        }
        if (names.empty()) return false;
        names.push_back(file.path);
        report(at, fmt::format("include loop: {}", fmt::join(names, " -> ")));
        return true;
    }

    const Host& host_;
    Sources& sources_;
    Diagnostics& diagnostics_;
    std::vector<Document> documents_;
    std::map<std::string, Place> included_;  // by canonical path
    std::vector<File> chain_;                // the files that are being read, each included by the one before
};

}  // namespace

std::vector<Document> read_documents(const std::string& file, const Host& host, Sources& sources,
                                     Diagnostics& diagnostics) {
    DocumentReader reader(host, sources, diagnostics);
    reader.read({file, canonical(file)}, nullptr);
    return reader.take();
}

}  // namespace portier::config

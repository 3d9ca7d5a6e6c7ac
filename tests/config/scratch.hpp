// What the tests of the configuration share: a folder that goes away, a host that does not depend on the machine, and
// load() with its diagnostics as text.
#pragma once

#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "config/load.hpp"

namespace portier::config {

// Root that may do everything but raise limits, on a machine without hard limits.
inline Host test_host(std::map<std::string, std::string> variables = {}) {
    variables.emplace("PATH", "/usr/bin:/bin");
    Host host;
    host.user = 0;
    host.can_change_user = true;
    host.can_bind_low_ports = true;
    host.can_raise_limits = false;
    host.can_be_transparent = true;
    host.first_unprivileged_port = 1024;
    host.most_open_files = 1048576;
    host.variable = [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    host.hard_limit = [](int) -> std::uint64_t { return RLIM_INFINITY; };
    return host;
}

inline std::string read_whole(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_whole(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

class ScratchFolder {
public:
    ScratchFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "portier-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~ScratchFolder() { std::filesystem::remove_all(path_); }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

    // Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& text) const {
        write_whole(path_ / name, text);
        return (path_ / name).string();
    }

private:
    std::filesystem::path path_;
};

inline std::string without(std::string text, const std::string& part) {
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at))
        text.erase(at, part.size());
    return text;
}

// All diagnostics as they are printed, without the folder of the files.
inline std::string rendered(const Loaded& loaded, const std::filesystem::path& folder) {
    std::string out;
    for (const Diagnostic& diagnostic : loaded.diagnostics) out += render(diagnostic);
    return without(std::move(out), folder.string() + '/');
}

// The diagnostics of a file that holds `text`.
inline std::string problems(const std::string& text, const Host& host = test_host()) {
    const ScratchFolder folder;
    return rendered(load(folder.write("houses.yaml", text), host), folder.path());
}

// The first line of each diagnostic: FILE:LINE:COLUMN: error: KEYPATH: message; hint.
inline std::string headlines(const std::string& text, const Host& host = test_host()) {
    std::string out;
    const std::string all = problems(text, host);
    for (std::size_t start = 0; start < all.size();) {
        const std::size_t end = all.find('\n', start);
        const std::string line = all.substr(start, end - start + 1);
        if (line.starts_with("houses.yaml") && line.find(": note: ") == std::string::npos) out += line;
        start = end + 1;
    }
    return out;
}

// A configuration that is good, so that a test adds only what it is about.
inline std::string good_file(const std::string& handler_keys = "", const std::string& rest = "") {
    return "version: 1\nhandlers:\n  veg: {command: [sleep]" + handler_keys + "}\nports: {7001/tcp: veg}\n" + rest;
}

}  // namespace portier::config

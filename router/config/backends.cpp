#include "config/backends.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>

#include "config/host_port.hpp"
#include "config/object_reader.hpp"

namespace portier::config {

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr const char* kForm = "the form is 127.0.0.1:6379, [::1]:6379, name:6379 or unix:/path";
constexpr std::size_t kLongestName = 253;  // RFC 1035 2.3.4, as text
constexpr std::size_t kLongestLabel = 63;

bool is_label(std::string_view label) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !label.empty() && label.size() <= kLongestLabel && std::all_of(label.begin(), label.end(), fits) &&
           label.front() != '-' && label.back() != '-';
}

// A last label of digits alone would be a misspelt IPv4 address to getaddrinfo(3).
bool is_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > kLongestName) return false;
    std::string_view last;
    for (std::string_view rest = name;;) {
        const std::size_t dot = rest.find('.');
        last = rest.substr(0, dot);
        if (!is_label(last)) return false;
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    return last.find_first_not_of("0123456789") != std::string_view::npos;
}

Parsed<std::string> parse_backend_host(const HostAndPort& parts) {
    const Parsed<net::Address> address = parse_host(parts);
    if (address.value && address.value->bytes == decltype(address.value->bytes){})
        return {{}, "is every address and none to connect to", "write 127.0.0.1 or [::1] for this machine"};
    if (address.value) return {net::to_string(*address.value)};
    if (!parts.brackets && is_name(parts.host)) return {std::string(parts.host)};
    if (parts.host.empty()) return {{}, "has no address before its colon", kForm};
    if (parts.brackets || parts.host.find('%') != std::string_view::npos) return {{}, address.problem, address.hint};
    return {{}, fmt::format("has {}, which is neither an IP address nor a name", in_quotes(parts.host)), kForm};
}

Parsed<Backend> parse_unix(std::string_view text) {
    const std::string_view path = text.substr(kUnix.size());
    if (path.empty()) return {{}, "has no path", "as in unix:/run/app.sock"};
    if (path.starts_with('@')) return {{}, "is an abstract socket, which is not supported", "give it a path"};
    Backend backend;
    backend.text = text;
    backend.path = path;
    return {backend};
}

class BackendReader {
public:
    explicit BackendReader(const Target& target) : target_(target) {}

    std::optional<Backend> read(const Node& item) const {
        if (item.broken) return std::nullopt;
        Backend backend;
        if (item.kind == Node::Kind::map) return read_map(item);
        if (item.kind != Node::Kind::scalar) {
            report(item.at, "this entry is no address", kForm);
            return std::nullopt;
        }
        backend.text = item.text;
        return with_address(std::move(backend), item.at);
    }

private:
    std::optional<Backend> read_map(const Node& item) const {
        Draft<Backend> draft;
        draft.path = target_.path;
        read_object({item, draft.path, item.at}, backend_table(), draft, target_.diagnostics);
        const auto address = written(backend_table(), draft, "address");
        if (!address) {
            report(item.at, "this entry has no address", "as in {address: \"127.0.0.1:6379\", weight: 2}");
            return std::nullopt;
        }
        for (const auto& place : draft.written)
            if (place && !place->good) return std::nullopt;
        return with_address(std::move(draft.object), address->value);
    }

    std::optional<Backend> with_address(Backend backend, const Place& at) const {
        const Parsed<Backend> parsed = parse_backend(backend.text);
        if (!parsed.value) {
            report(at, fmt::format("{} {}", in_quotes(backend.text), parsed.problem), parsed.hint);
            return std::nullopt;
        }
        backend.host = parsed.value->host;
        backend.port = parsed.value->port;
        backend.path = parsed.value->path;
        return backend;
    }

    void report(const Place& at, std::string message, std::string hint) const {
        target_.diagnostics.add(
            {.at = at, .key_path = target_.path, .message = std::move(message), .hint = std::move(hint)});
    }

    const Target& target_;
};

}  // namespace

Parsed<Backend> parse_backend(std::string_view text) {
    if (text.starts_with(kUnix)) return parse_unix(text);
    if (text.find('/') != std::string_view::npos) return {{}, "is no address", kForm};
    const auto parts = split_host_port(text);
    if (!parts.value) return {{}, parts.problem, parts.hint};
    if (parts.value->port.size() == text.size()) return {{}, "has no port", kForm};
    const auto host = parse_backend_host(*parts.value);
    if (!host.value) return {{}, host.problem, host.hint};
    const auto port = parse_port(parts.value->port);
    if (!port.value) return {{}, port.problem, port.hint};
    Backend backend;
    backend.text = text;
    backend.host = *host.value;
    backend.port = *port.value;
    return {backend};
}

std::optional<Value> decode_backends(const Target& target, const Node& node) {
    const BackendReader reader(target);
    std::vector<Backend> backends;
    for (const Node& item : node.items)
        if (auto backend = reader.read(item)) backends.push_back(std::move(*backend));
    return backends.size() == node.items.size() ? std::optional<Value>(std::move(backends)) : std::nullopt;
}

}  // namespace portier::config

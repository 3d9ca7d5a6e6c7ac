// load() on a file that anybody may have written. What it says of it must be printable.
#include <fcntl.h>
#include <sys/resource.h>

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "config/load.hpp"
#include "require.hpp"

namespace {

using namespace portier;

config::Host a_host(bool is_root) {
    return {.user = is_root ? 0u : 1000u,
            .can_change_user = is_root,
            .can_bind_low_ports = is_root,
            .can_raise_limits = is_root,
            .variable = [](const std::string& name) -> std::optional<std::string> {
                return name.size() % 2 ? std::optional<std::string>("7001") : std::nullopt;
            },
            .hard_limit = [](int) { return RLIM_INFINITY; }};
}

std::string write_file(const char* name, std::string_view text) {
    const Fd file(::open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw_errno(name);
    return name;
}

void check(const config::Diagnostic& diagnostic) {
    REQUIRE(!diagnostic.message.empty());
    const std::string text = config::render(diagnostic);
    REQUIRE(printable(text) == text);
}

}  // namespace

// The working folder is this target's own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const config::Host host = a_host(size % 2);
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const config::Loaded loaded = config::load(write_file("street.yaml", text), host);
    bool has_errors = false;
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        has_errors |= diagnostic.severity == config::Severity::error;
        check(diagnostic);
    }
    REQUIRE(loaded.config.has_value() != has_errors);
    if (!loaded.config) return 0;
    // What is in force can be written down and read again.
    const std::string effective = config::effective_yaml(*loaded.config);
    const config::Loaded again = config::load(write_file("effective.yaml", effective), host);
    REQUIRE(again.config && config::effective_yaml(*again.config) == effective);
    REQUIRE(!config::effective_json(*loaded.config).empty());
    return 0;
}

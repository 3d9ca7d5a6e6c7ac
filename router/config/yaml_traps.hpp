// Plain words and numbers that YAML readers do not agree about: no, 022, 22:22, 1e3, 0x1F. portier never guesses: it
// refuses them where text belongs and asks for quotes. Pure function; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portier::config {

// What another YAML reader may take the unquoted `text` for: "false", "the number 18". Empty: nothing unexpected.
std::optional<std::string> other_reading(std::string_view text);

}  // namespace portier::config

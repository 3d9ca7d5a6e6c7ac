// The entries of `connect`. One thread.
#pragma once

#include <optional>
#include <string_view>

#include "config/decode.hpp"
#include "config/units.hpp"

namespace portier::config {

// "address:port", "name:port" or "unix:path": text, host, port and path of a backend. The path stays as it is written.
Parsed<Backend> parse_backend(std::string_view text);

// The value of a field of Kind::backends. Empty: reported.
std::optional<Value> decode_backends(const Target& target, const Node& node);

}  // namespace portier::config

// The complaints of yaml-cpp in words that help somebody who does not know its grammar. One thread.
#pragma once

#include <cstdint>

#include "config/diagnostics.hpp"

namespace YAML {
class Exception;
}

namespace portier::config {

class YamlEvents;

struct ParseState {
    const Source& source;
    std::uint32_t index;
    const YamlEvents& events;  // what was read before the error
};

Problem explain_yaml_error(const YAML::Exception& error, const ParseState& state);

}  // namespace portier::config

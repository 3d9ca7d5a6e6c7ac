// Handlers and ports as they were written, before the checks that look at more than one of them. One thread.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "config/object_reader.hpp"
#include "config/outline.hpp"

namespace portier::config {

using HandlerDraft = Draft<Handler>;
using PortDraft = Draft<Port>;

struct Drafts {
    std::vector<HandlerDraft> handlers;
    std::vector<PortDraft> ports;  // only those with a good key
};

// False when the delivery (or the whole handler) was written but is not a good one, so nothing can be said about it.
bool has_delivery(const HandlerDraft& draft);

Mark mark_of(const Sources& sources, const Place& at);

std::vector<HandlerDraft> read_handlers(const Outline& outline, const Sources& sources, Diagnostics& diagnostics);

// Checks the handler of each port and that its delivery and protocol can do what the port asks for.
std::vector<PortDraft> read_ports(const Outline& outline, const std::vector<HandlerDraft>& handlers,
                                  const Sources& sources, Diagnostics& diagnostics);

}  // namespace portier::config

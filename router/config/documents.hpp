// The main file and everything that it includes, as trees. One thread.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostics.hpp"
#include "config/host.hpp"
#include "config/tree.hpp"

namespace portier::config {

struct Document {
    std::uint32_t source = 0;
    Node root;  // always a map
};

// The main file first, then what it includes in the order of the list, each followed by its own includes. What cannot
// be read is reported and left out. `sources` holds every file that was opened.
std::vector<Document> read_documents(const std::string& file, const Host& host, Sources& sources,
                                     Diagnostics& diagnostics);

}  // namespace portier::config

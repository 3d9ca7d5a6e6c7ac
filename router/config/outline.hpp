// The top level of all files together: which parts there are and where. One thread.
#pragma once

#include <vector>

#include "config/documents.hpp"

namespace portier::config {

// Points into the documents. A part that was not written is null.
struct Outline {
    std::vector<const Entry*> handlers;  // of all files, in the order read
    std::vector<const Entry*> ports;
    const Entry* default_handler = nullptr;
    const Entry* default_port = nullptr;
    const Entry* admin = nullptr;
    const Entry* router = nullptr;
};

// Checks the top level of every file: known keys, `version: 1`, and that only the main file (the first) holds more than
// handlers, ports and include.
Outline outline(const std::vector<Document>& documents, Diagnostics& diagnostics);

}  // namespace portier::config

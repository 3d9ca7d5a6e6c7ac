// The result of a run for people and for programs (README.md documents the JSON object field by field).
#pragma once

#include <string>

#include "options.hpp"
#include "processes.hpp"

namespace portier::guests {

std::string text_report(const Options& options, const Result& result);
std::string json_report(const Options& options, const Result& result);  // one object, one line

}  // namespace portier::guests

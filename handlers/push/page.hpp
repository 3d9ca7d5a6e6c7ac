// The page at /, to try push by browser.
#pragma once

#include <string_view>

namespace push {

extern const std::string_view kPage;

}  // namespace push

// The answers of push that need no state. Pure; any thread.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace push {

inline constexpr std::uint32_t kMaxHeader = 8192;
inline constexpr std::uint64_t kMaxBody = 65536;

using Request = boost::beast::http::request<boost::beast::http::string_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

// The page at / and everything that is neither a publication nor an upgrade.
Response reply_to(const Request& request);
// After a publication.
Response published(const Request& request, std::size_t subscribers);
// To a request that could not be read; the connection closes after it.
Response unreadable(boost::beast::http::status status, std::string_view text);

// Whether a WebSocket text message may carry it (RFC 6455: UTF-8).
bool is_text(std::string_view bytes);

}  // namespace push

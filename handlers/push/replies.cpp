#include "push/replies.hpp"

#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "push/page.hpp"
#include "push/topics.hpp"

namespace push {

namespace http = boost::beast::http;

namespace {

Response plain(http::status status, unsigned version, std::string text) {
    Response response(status, version);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.set("X-Content-Type-Options", "nosniff");
    response.body() = std::move(text);
    response.prepare_payload();
    return response;
}

Response page(unsigned version) {
    Response response = plain(http::status::ok, version, std::string(kPage));
    response.set(http::field::content_type, "text/html; charset=utf-8");
    return response;
}

Response choose(const Request& request) {
    const bool looks = request.method() == http::verb::get || request.method() == http::verb::head;
    if (!topic_of({request.target().data(), request.target().size()}).empty()) {
        const auto status = looks ? http::status::upgrade_required : http::status::method_not_allowed;
        Response response =
            plain(status, request.version(), "open this address as a WebSocket, or POST a message to it\n");
        response.set(http::field::allow, "GET, POST");
        response.set(http::field::upgrade, "websocket");
        return response;
    }
    if (request.target() != "/") return plain(http::status::not_found, request.version(), "try / or /topic/NAME\n");
    if (looks) return page(request.version());
    Response response = plain(http::status::method_not_allowed, request.version(), "this page can only be read\n");
    response.set(http::field::allow, "GET, HEAD");
    return response;
}

}  // namespace

Response reply_to(const Request& request) {
    Response response = choose(request);
    response.keep_alive(request.keep_alive());
    // RFC 9110: the answer to HEAD says how long the body would be, and has none.
    if (request.method() == http::verb::head) response.body().clear();
    return response;
}

Response published(const Request& request, std::size_t subscribers) {
    Response response =
        plain(http::status::ok, request.version(), "delivered to " + std::to_string(subscribers) + "\n");
    response.keep_alive(request.keep_alive());
    return response;
}

Response unreadable(http::status status, std::string_view text) {
    Response response = plain(status, 11, std::string(text));
    response.keep_alive(false);
    return response;
}

bool is_text(std::string_view bytes) {
    // escape() leaves valid UTF-8 alone but for these, which are valid in a message.
    std::string shown(bytes);
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; }, ' ');
    return portier::escape(shown) == shown;
}

}  // namespace push

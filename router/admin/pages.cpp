#include "admin/pages.hpp"

#include "admin/status.hpp"
#include "admin/status_text.hpp"

namespace portier::admin {

namespace {

std::string html_escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            default: out += c;
        }
    }
    return out;
}

Page status_page(const metrics::Board& board, const metrics::Series& series) {
    return {200, "text/html; charset=utf-8",
            "<!doctype html><title>portier</title><meta http-equiv=refresh content=5>"
            "<body style=\"background:#111;color:#ddd\"><pre>" +
                html_escape(status_text(status_json(board, series))) +
                "</pre><p><a style=\"color:#8bf\" href=/metrics>metrics</a> "
                "<a style=\"color:#8bf\" href=/api/status>status as JSON</a></p></body>\n"};
}

}  // namespace

Page page_for(const std::string& path, const metrics::Board& board, const metrics::Series& series) {
    if (path == "/metrics") return {200, metrics::kTextContentType, metrics::expose_text(board, series)};
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/readyz") {
        const std::string unready = unready_handlers(board, series);
        return unready.empty() ? Page{.body = "ready\n"} : Page{.status = 503, .body = unready};
    }
    if (path == "/api/status") return {200, "application/json", status_json(board, series) + "\n"};
    if (path == "/") return status_page(board, series);
    return {.status = 404, .body = "no such page; there are / /metrics /healthz /readyz /api/status\n"};
}

}  // namespace portier::admin

#include <fmt/format.h>

#include <filesystem>

#include "config/checks.hpp"

namespace portier::config {

namespace {

class RelayCheck {
public:
    RelayCheck(HandlerDraft& draft, const Scene& scene)
        : draft_(draft), handler_(draft.object), scene_(scene), connect_(written(handler_table(), draft, "connect")) {}

    void run() {
        if (!connect_) return report("connect", "no address is given", "as in connect: [\"127.0.0.1:6379\"]");
        if (!connect_->good) return;
        if (handler_.connect.empty()) return report("connect", "is empty", "as in [\"127.0.0.1:6379\"]");
        make_paths_absolute();
    }

private:
    void report(const char* key, std::string message, std::string hint = {}) {
        const auto place = written(handler_table(), draft_, key);
        scene_.diagnostics.add({.at = place ? place->value : draft_.key,
                                .key_path = draft_.path + '.' + key,
                                .message = std::move(message),
                                .hint = std::move(hint)});
    }

    void make_paths_absolute() {
        for (Backend& backend : handler_.connect) {
            if (backend.path.empty()) continue;
            backend.path = (std::filesystem::path(scene_.config.folder) / backend.path).lexically_normal().string();
            backend.text = "unix:" + backend.path;
        }
    }

    HandlerDraft& draft_;
    Handler& handler_;
    const Scene& scene_;
    const std::optional<Written> connect_;
};

}  // namespace

void check_relay(HandlerDraft& draft, const Scene& scene) {
    if (has_delivery(draft) && draft.object.delivery == Delivery::relay) RelayCheck(draft, scene).run();
}

}  // namespace portier::config

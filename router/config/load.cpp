// load(): the steps from a file to a Config.
#include "config/load.hpp"

#include <filesystem>

#include "config/checks.hpp"

namespace portier::config {

namespace {

template <typename Object>
Draft<Object> read_part(const Entry* entry, const Table<Object>& table, Diagnostics& diagnostics) {
    Draft<Object> draft;
    draft.written.resize(table.fields.size());
    if (entry == nullptr) return draft;
    draft.path = entry->key.text;
    draft.key = entry->key.at;
    read_object({entry->value, draft.path, draft.key}, table, draft, diagnostics);
    return draft;
}

std::string absolute_folder(const std::string& file) {
    std::error_code error;
    return std::filesystem::absolute(file, error).lexically_normal().parent_path().string();
}

void check_everything(Drafts& drafts, const Draft<Admin>& admin, const Draft<Router>& router, const Scene& scene) {
    for (HandlerDraft& handler : drafts.handlers) {
        check_handler(handler, scene);
        check_program(handler, scene);
        check_relay(handler, scene);
    }
    const auto listen = written(admin_table(), admin, "listen");
    const Place* listen_place = listen && listen->good ? &listen->value : nullptr;
    check_stop_when_idle(drafts, scene);
    check_protocols(drafts, scene);
    check_proxy(drafts, scene);
    check_loops(drafts, scene);
    check_overlaps(drafts, listen_place, scene);
    check_privileges(drafts, listen_place, scene);
    check_capacity(drafts, scene);
    check_admin(admin, scene);
    check_router(router, scene);
    check_use(drafts, scene);
}

}  // namespace

Mark mark_of(const Sources& sources, const Place& at) {
    return {sources[at.source].name(), at.line, at.column};
}

Loaded load(const std::string& file, const Host& host) {
    Sources sources;
    Diagnostics diagnostics(sources);
    Config config{.file = file,
                  .folder = absolute_folder(file),
                  .files = {},
                  .handlers = {},
                  .ports = {},
                  .admin = {},
                  .router = {}};
    const std::vector<Document> documents = read_documents(file, host, sources, diagnostics);
    for (const Source& source : sources) config.files.push_back(source.name());
    if (!documents.empty() && documents.front().source == 0) {
        const Outline parts = outline(documents, diagnostics);
        Drafts drafts;
        drafts.handlers = read_handlers(parts, sources, diagnostics);
        drafts.ports = read_ports(parts, drafts.handlers, sources, diagnostics);
        const auto admin = read_part(parts.admin, admin_table(), diagnostics);
        const auto router = read_part(parts.router, router_table(), diagnostics);
        config.admin = admin.object;
        if (std::string& socket = config.admin.socket; !socket.empty())
            socket = (std::filesystem::path(config.folder) / socket).lexically_normal().string();
        config.router = router.object;
        if (const auto listen = written(admin_table(), admin, "listen"))
            config.admin.listen_mark = mark_of(sources, listen->value);
        if (const auto socket = written(admin_table(), admin, "socket"))
            config.admin.socket_mark = mark_of(sources, socket->value);
        if (const auto user = written(router_table(), router, "user"))
            config.router.user_mark = mark_of(sources, user->value);
        check_everything(drafts, admin, router, {config, host, sources, diagnostics});
        for (HandlerDraft& draft : drafts.handlers) config.handlers.push_back(std::move(draft.object));
        for (PortDraft& draft : drafts.ports) config.ports.push_back(std::move(draft.object));
    }
    Loaded loaded;
    loaded.diagnostics = diagnostics.result();
    if (!diagnostics.has_errors()) loaded.config = std::move(config);
    return loaded;
}

Loaded load(const std::string& file) {
    return load(file, this_host());
}

}  // namespace portier::config

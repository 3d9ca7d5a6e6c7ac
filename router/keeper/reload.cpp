// Keeper's reload: read and check the whole file, open what is new, start successors and wait until they are ready,
// then swap. Until the swap nothing of the present configuration is touched, so every failure leaves things as they
// were.
#include <system_error>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keeper/changes.hpp"
#include "keeper/keeper.hpp"
#include "keeper/reload.hpp"

namespace portier::keeper {

namespace {

bool same_settings(const config::Config& a, const config::Config& b) {
    return a.handlers == b.handlers && a.ports == b.ports && a.admin == b.admin && a.router == b.router;
}

const ReloadAnswer kStopping{.ok = false, .changed = false, .text = "portier is stopping\n"};

}  // namespace

bool Keeper::reload_committing() const {
    return reload_ && reload_->committing;
}

void Keeper::reload(std::function<void(const ReloadAnswer&)> answer) {
    if (stopping_) return answer(kStopping);
    waiting_reloads_.push_back(std::move(answer));
    if (!reload_) return begin_reload();
    if (!reload_->committing && file_has_changed()) begin_anew();
}

// Since the reload under way has read it: that one may wait for hours for processes which are never ready.
bool Keeper::file_has_changed() const {
    const config::Loaded loaded = config::load(config_.file);
    return loaded.config && !same_settings(*loaded.config, reload_->config);
}

// Everybody who waits gets the answer to the file as it is now.
void Keeper::begin_anew() {
    ++reload_number_;  // an answer of the pool may be on its way
    resolver_.cancel();
    pool_.abandon();
    const std::unique_ptr<Reload> off = std::move(reload_);
    sockets_.keep_spares(off->sockets);
    waiting_reloads_.insert(waiting_reloads_.begin(), off->answers.begin(), off->answers.end());
    begin_reload();
}

void Keeper::call_off(const std::string& why) {
    pool_.abandon();
    finish_reload({.ok = false, .changed = false, .text = why});
}

void Keeper::begin_reload() {
    reload_ = std::make_unique<Reload>();
    reload_->answers.swap(waiting_reloads_);
    config::Loaded loaded = config::load(config_.file);
    std::string text;
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) text += config::render(diagnostic);
    reload_->diagnostics = std::move(loaded.diagnostics);
    if (!loaded.config) return finish_reload({.ok = false, .changed = false, .text = text});
    reload_->config = std::move(*loaded.config);
    if (const std::string fixed = fixed_key_changed(reload_->config); !fixed.empty())
        return finish_reload({.ok = false, .changed = false, .text = fixed});
    try {
        resolver_.resolve(reload_->config, [this](const Addresses& addresses, const std::string& problem) {
            on_resolved(addresses, problem);
        });
    } catch (const std::exception& error) {
        call_off(std::string(error.what()) + "\n");
    }
}

void Keeper::on_resolved(const Addresses& addresses, const std::string& problem) {
    if (!problem.empty()) return call_off(problem);
    reload_->addresses = addresses;
    try {
        reserve_rows(reload_->config, addresses);
        reload_->sockets = SocketSet::build(reload_->config, sockets_, next_number_);
        reload_->wanted = wanted_slots(reload_->config, reload_->sockets);
        pool_.prepare(reload_->wanted, [this, number = ++reload_number_](const std::string& why) {
            if (number == reload_number_) on_candidates(why);  // else it was begun anew meanwhile
        });
    } catch (const std::exception& error) {
        call_off(std::string(error.what()) + "\n");
    }
}

ReloadAnswer Keeper::rehearse_reload() {
    const config::Loaded loaded = config::load(config_.file);
    std::string text;
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) text += config::render(diagnostic);
    const auto& found = loaded.diagnostics;
    if (!loaded.config) return {.ok = false, .changed = false, .text = text, .diagnostics = found};
    if (const std::string fixed = fixed_key_changed(*loaded.config); !fixed.empty())
        return {.ok = false, .changed = false, .text = fixed, .diagnostics = found};
    try {
        rows_.reserve(*loaded.config, config_);  // names are not looked up for a rehearsal
        const SocketSet sockets = SocketSet::build(*loaded.config, sockets_, next_number_);
        const auto restarted = restarted_handlers(wanted_slots(*loaded.config, sockets));
        const std::string changes = describe_changes(config_, *loaded.config, restarted);
        const std::string text_of_changes = changes.empty() ? "nothing would change\n" : changes;
        return {.ok = true, .changed = !changes.empty(), .text = text_of_changes, .diagnostics = found};
    } catch (const std::exception& error) {
        return {.ok = false, .changed = false, .text = std::string(error.what()) + "\n", .diagnostics = found};
    }
}

std::set<std::string> Keeper::restarted_handlers(const std::map<SlotKey, SlotPlan>& wanted) const {
    std::set<std::string> handlers;
    for (const Slot* slot : pool_.slots()) {
        const auto next = wanted.find({slot->plan().handler.name, slot->plan().slot});
        if (next != wanted.end() && !slot->plan().same_process(next->second)) handlers.insert(next->first.first);
    }
    return handlers;
}

// What only a restart can change. The router's user: its process is already somebody. The socket: clients know it.
std::string Keeper::fixed_key_changed(const config::Config& next) const {
    std::string text;
    const auto compare = [&](const char* key, const std::string& present, const std::string& wanted,
                             const config::Mark& at) {
        if (present == wanted) return;
        text += (at.line == 0 ? next.file : config::to_string(at)) + ": error: " + key +
                ": only a restart can change it, now it is " + (present.empty() ? "the default" : present) +
                "; put it back, or stop portier and start it again\n";
    };
    compare("router.user", config_.router.user, next.router.user, next.router.user_mark);
    compare("admin.socket", config_.admin.socket, next.admin.socket, next.admin.socket_mark);
    return text;
}

void Keeper::on_candidates(const std::string& problem) {
    if (stopping_ || !reload_) return;
    if (!problem.empty()) return call_off(problem + "\n");
    commit_reload();
}

void Keeper::commit_reload() {
    reload_->committing = true;
    // The old sockets stay open until the router has let go of them, after delivering what waited there.
    const auto old_sockets = std::make_shared<SocketSet>(std::move(sockets_));
    const bool changed = !same_settings(config_, reload_->config) || addresses_ != reload_->addresses;
    config_ = std::move(reload_->config);
    addresses_ = std::move(reload_->addresses);
    sockets_ = std::move(reload_->sockets);
    pool_.commit(reload_->wanted);
    spawner_.assign(config_);
    tune_sockets();
    set_log_level(log_severity(config::to_string(config_.router.log.level)));
    join_destroy_events();
    router_->publish([this, old_sockets, changed] {
        let_go();
        finish_reload({.ok = true, .changed = changed, .text = ""});
    });
}

// What is in force already does not fail because the kernel refuses an option of it.
void Keeper::tune_sockets() {
    try {
        sockets_.tune(config_);
    } catch (const std::system_error& error) {
        log_error("an option of a port is not in force", {{"error", error.what()}});
    }
}

void Keeper::finish_reload(const ReloadAnswer& outcome) {
    ReloadAnswer answer = outcome;
    answer.diagnostics = std::move(reload_->diagnostics);
    metrics::Globals& globals = board_->globals;
    const auto result = !answer.ok       ? metrics::ReloadResult::failed
                        : answer.changed ? metrics::ReloadResult::applied
                                         : metrics::ReloadResult::unchanged;
    globals.reloads[static_cast<std::size_t>(result)].add();
    globals.last_reload_ok.set(answer.ok ? 1 : 0);
    if (answer.ok) {
        globals.last_reload_ms.set(wall_milliseconds());
        if (answer.changed) globals.generation.add();
        last_reload_error_.clear();
        answer.text = (answer.changed ? "reloaded, generation " : "nothing changed, generation ") +
                      std::to_string(globals.generation.get()) + "\n";
        log_info("reload",
                 {{"result", answer.changed ? "applied" : "unchanged"}, {"generation", globals.generation.get()}});
    } else {
        sockets_.keep_spares(reload_->sockets);
        last_reload_error_ = answer.text;
        log_error("reload refused, everything stays as it was",
                  {{"error", answer.text.substr(0, answer.text.find('\n'))}});
    }
    const std::unique_ptr<Reload> done = std::move(reload_);
    for (const auto& tell : done->answers) tell(answer);
    publish_soon();
    if (!waiting_reloads_.empty() && !stopping_) begin_reload();
}

// The end of the daemon: with the transaction go the sockets that it has opened.
void Keeper::call_off_reloads() {
    resolver_.cancel();
    const std::unique_ptr<Reload> off = std::move(reload_);
    auto answers = std::exchange(waiting_reloads_, {});
    if (off) answers.insert(answers.begin(), off->answers.begin(), off->answers.end());
    for (const auto& tell : answers) tell(kStopping);
}

}  // namespace portier::keeper

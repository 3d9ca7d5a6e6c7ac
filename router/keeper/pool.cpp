#include "keeper/pool.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "base/text.hpp"

namespace portier::keeper {

namespace {

// A slot for each socket, named by the socket's number, so that it stays the same when other ports come and go.
void add_inetd_wait(std::map<SlotKey, SlotPlan>& wanted, const config::Handler& handler,
                    const std::vector<config::Port>& ports, const SocketSet& sockets) {
    config::Handler on_demand = handler;
    on_demand.start = config::Start::on_demand;
    for (const config::Port& port : ports) {
        if (port.handler != handler.name) continue;
        for (const auto& socket : sockets.of_port(port, 0))
            wanted[{handler.name, socket->number}] = {on_demand, socket->number, {{socket, port.key}}};
    }
}

}  // namespace

std::map<SlotKey, SlotPlan> wanted_slots(const config::Config& config, const SocketSet& sockets) {
    std::map<SlotKey, SlotPlan> wanted;
    for (const config::Handler& handler : config.handlers)
        for (std::uint32_t slot = 0; slot < handler.processes; ++slot)
            wanted[{handler.name, slot}] = {handler, slot, {}};
    for (const config::Handler& handler : config.handlers)
        if (handler.delivery == config::Delivery::spawn && !config::router_accepts(handler))
            add_inetd_wait(wanted, handler, config.ports, sockets);
    for (const config::Port& port : config.ports)
        for (auto& [key, plan] : wanted) {
            if (key.first != port.handler || plan.handler.delivery != config::Delivery::inherit) continue;
            for (const auto& socket : sockets.of_port(port, key.second)) plan.sockets.push_back({socket, port.key});
        }
    return wanted;
}

namespace {

bool keeps_sockets(const Slot& slot, const std::map<SlotKey, SlotPlan>& wanted, const SlotKey& key) {
    const auto same = [](const InheritedSocket& a, const InheritedSocket& b) { return a.socket == b.socket; };
    const auto next = wanted.find(key);
    return next != wanted.end() && std::equal(slot.plan().sockets.begin(), slot.plan().sockets.end(),
                                              next->second.sockets.begin(), next->second.sockets.end(), same);
}

std::string failure_text(const ProcessEnd& end) {
    const bool too_late = end.reason == metrics::Restarted::ready_timeout;
    const std::string text =
        too_late ? "its new process: " + end.text : "its new process ended before it was ready (" + end.text + ")";
    return end.last_line.empty() ? text : text + "; it wrote: " + escape(end.last_line);
}

}  // namespace

std::unique_ptr<Slot> Pool::make_slot(const SlotPlan& plan) {
    Slot::Events events{.changed =
                            [this] {
                                check_candidates();
                                on_changed_();
                            },
                        .failed = [this, name = plan.handler.name](
                                      const ProcessEnd& end) { settle("handler " + name + ": " + failure_text(end)); }};
    return std::make_unique<Slot>(context_, plan, std::move(events));
}

void Pool::start(const std::map<SlotKey, SlotPlan>& wanted) {
    for (const auto& [key, plan] : wanted) slots_[key] = make_slot(plan);
    for (auto& [key, slot] : slots_)
        if (!slot->sleeps()) slot->start();
}

void Pool::prepare(const std::map<SlotKey, SlotPlan>& wanted, std::function<void(const std::string&)> on_settled) {
    for (const auto& [key, plan] : wanted) {
        const auto present = slots_.find(key);
        if (present != slots_.end() && present->second->plan().same_process(plan)) continue;
        candidates_[key] = make_slot(plan);
    }
    for (auto& [key, slot] : candidates_) slot->start_candidate();
    on_settled_ = std::move(on_settled);
    check_candidates();
}

void Pool::check_candidates() {
    if (!on_settled_) return;
    const auto ready = [](const auto& item) { return item.second->is_ready() || item.second->sleeps(); };
    if (std::all_of(candidates_.begin(), candidates_.end(), ready)) settle("");
}

// Later, not now: the caller may be a slot that the answer destroys.
void Pool::settle(const std::string& text) {
    if (!on_settled_) return;
    boost::asio::post(context_.io, [answer = std::exchange(on_settled_, nullptr), text] { answer(text); });
}

void Pool::abandon() {
    on_settled_ = nullptr;
    for (auto& [key, slot] : candidates_) {
        if (!slot->is_ready()) continue;
        put_aside(*slot, "called off");
        leaving_.back()->stop();
    }
    candidates_.clear();
}

void Pool::commit(const std::map<SlotKey, SlotPlan>& wanted) {
    for (auto& [key, slot] : slots_)
        if (slot->process() && !keeps_sockets(*slot, wanted, key)) slot->process()->lose_socket();
    replace_slots(wanted, "removed");
}

void Pool::replace_slots(const std::map<SlotKey, SlotPlan>& wanted, const char* why_unwanted) {
    for (auto item = slots_.begin(); item != slots_.end();) {
        const bool replaced = candidates_.contains(item->first) || !wanted.contains(item->first);
        if (replaced) put_aside(*item->second, wanted.contains(item->first) ? "replaced" : why_unwanted);
        item = replaced ? slots_.erase(item) : std::next(item);
    }
    for (auto& [key, slot] : slots_) slot->set_plan(wanted.at(key));
    for (auto& [key, slot] : candidates_) slot->commit();
    slots_.merge(candidates_);
    candidates_.clear();
}

void Pool::put_aside(Slot& slot, const char* why) {
    std::unique_ptr<HandlerProcess> process = slot.release();
    if (!process) return;
    process->set_events(
        {.ready = nullptr, .ended = [this, why, gone = process.get()](const ProcessEnd& end) {
             log_info(
                 "process ended",
                 {{"handler", gone->handler()}, {"process", gone->slot()}, {"reason", end.text}, {"because", why}});
             forget_leaving(gone);
         }});
    leaving_.push_back(std::move(process));
}

void Pool::forget_leaving(HandlerProcess* process) {
    context_.rows.give_back_process(process->row());
    leaving_.remove_if([process](const auto& item) { return item.get() == process; });
    on_changed_();
    if (leaving_.empty() && on_ended_) boost::asio::post(context_.io, std::exchange(on_ended_, nullptr));
}

void Pool::drain_leaving(std::chrono::milliseconds patience) {
    for (auto& process : leaving_)
        if (!process->is_leaving()) process->drain(patience);
}

std::vector<const Slot*> Pool::slots() const {
    std::vector<const Slot*> result;
    for (const auto& [key, slot] : slots_) result.push_back(slot.get());
    return result;
}

std::vector<const HandlerProcess*> Pool::processes() const {
    std::vector<const HandlerProcess*> result;
    for (const auto* slots : {&slots_, &candidates_})
        for (const auto& [key, slot] : *slots)
            if (slot->process()) result.push_back(slot->process());
    for (const auto& process : leaving_) result.push_back(process.get());
    return result;
}

bool Pool::owns(pid_t pid) const {
    const auto all = processes();
    return std::any_of(all.begin(), all.end(), [pid](const HandlerProcess* process) { return process->pid() == pid; });
}

void Pool::retire() {
    abandon();
    replace_slots({}, "stopping");
}

void Pool::stop(std::chrono::milliseconds patience, std::function<void()> ended) {
    on_ended_ = std::move(ended);
    if (leaving_.empty()) return boost::asio::post(context_.io, std::exchange(on_ended_, nullptr));
    drain_leaving(patience);
}

void Pool::wake(const SlotKey& key) {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return;
    // The processes of other deliveries share what has arrived.
    if (found->second->plan().handler.delivery != config::Delivery::spawn) return wake(key.first);
    if (found->second->sleeps()) found->second->start();
}

void Pool::wake(const std::string& handler) {
    for (auto& [key, slot] : slots_)
        if (key.first == handler && slot->sleeps()) slot->start();
}

void Pool::replace_broken(std::uint32_t row) {
    for (auto& [key, slot] : slots_)
        if (slot->process() && slot->process()->row() == row) slot->process()->give_up();
}

void Pool::put_to_sleep(const SlotKey& key) {
    const auto found = slots_.find(key);
    if (found == slots_.end() || !found->second->is_ready()) return;
    put_aside(*found->second, "idle");
    on_changed_();
}

void Pool::end_relayed() {
    for (auto& process : leaving_)
        if (process->is_relayed_to()) process->stop();
}

void Pool::hurry() {
    for (auto& process : leaving_) process->stop();
}

}  // namespace portier::keeper

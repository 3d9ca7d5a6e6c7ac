// All slots of a configuration: which processes there shall be. A reload builds the next pool from the present one,
// moving what stays and starting candidates for what changed; nothing of the present pool ends before the commit.
// Keeper's thread only.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "keeper/slot.hpp"
#include "keeper/socket_set.hpp"

namespace portier::keeper {

using SlotKey = std::pair<std::string, std::uint32_t>;  // handler, slot

// The slots that a configuration wants, with the sockets that their processes inherit.
std::map<SlotKey, SlotPlan> wanted_slots(const config::Config& config, const SocketSet& sockets);

class Pool {
public:
    explicit Pool(const SlotContext& context) : context_(context) {}

    void set_on_changed(std::function<void()> on_changed) { on_changed_ = std::move(on_changed); }

    // The first configuration: every slot starts, failures are tried again.
    void start(const std::map<SlotKey, SlotPlan>& wanted);

    // Candidates for every slot that is new or differs. Throws std::system_error when one cannot be started.
    // `on_settled` is called once: with an empty text when all are ready, else with what went wrong.
    void prepare(const std::map<SlotKey, SlotPlan>& wanted, std::function<void(const std::string&)> on_settled);
    // Everything is as before prepare(). Candidates end: those that are ready, and may serve clients whom they have
    // accepted themselves, with their stop signal.
    void abandon();
    // Candidates take their places; the processes that they replace, and those of slots that are not wanted any more,
    // are put aside: still running, told nothing yet.
    void commit(const std::map<SlotKey, SlotPlan>& wanted);
    // Those that were put aside and have not ended.
    const std::list<std::unique_ptr<HandlerProcess>>& leaving() const { return leaving_; }
    // Tells them that no more will come.
    void drain_leaving(std::chrono::milliseconds patience);

    std::vector<const Slot*> slots() const;

    // All that have not been reaped yet: of slots, of candidates, and those that were put aside.
    std::vector<const HandlerProcess*> processes() const;
    bool owns(pid_t pid) const;  // one of them

    // Starts the processes of a handler that are started on demand.
    void wake(const std::string& handler);
    // Something has arrived at a socket of this slot.
    void wake(const SlotKey& key);
    // Puts aside a process that has nothing to do (drain_leaving() then ends it); the slot sleeps.
    void put_to_sleep(const SlotKey& key);

    // The process of this row takes no more connections: unless it is ending anyway, it is stopped and another one
    // follows.
    void replace_broken(std::uint32_t row);

    // The end of the daemon: from now on no process is started again.
    void retire();
    // After retire(): drain, then signals; `ended` is called when no process is left.
    void stop(std::chrono::milliseconds patience, std::function<void()> ended);
    void end_relayed();  // of those that were put aside, the ones that the router relayed to: it has no more for them
    void hurry();        // a second request to stop: the stop signal now

private:
    std::unique_ptr<Slot> make_slot(const SlotPlan& plan);
    void check_candidates();
    void settle(const std::string& text);
    void replace_slots(const std::map<SlotKey, SlotPlan>& wanted, const char* why_unwanted);
    void put_aside(Slot& slot, const char* why);
    void forget_leaving(HandlerProcess* process);

    SlotContext context_;
    std::function<void()> on_changed_;
    std::map<SlotKey, std::unique_ptr<Slot>> slots_;
    std::map<SlotKey, std::unique_ptr<Slot>> candidates_;
    std::list<std::unique_ptr<HandlerProcess>> leaving_;
    std::function<void(const std::string&)> on_settled_;
    std::function<void()> on_ended_;
};

}  // namespace portier::keeper

// A pool of real processes and what happens to them.
#pragma once

#include "keeper/pool.hpp"
#include "keeper/stage.hpp"

namespace portier::keeper {

using Pids = std::map<SlotKey, pid_t>;

inline constexpr milliseconds kLong{3'600'000};

class PoolTest : public Stage {
protected:
    PoolTest() {
        pool_.set_on_changed([this] { ++changes_; });
    }

    static std::map<SlotKey, SlotPlan> slots_of(const config::Handler& handler) {
        config::Config config;
        config.handlers = {handler};
        return wanted_slots(config, SocketSet());
    }

    // With a pid for each slot that has a process.
    Pids pids() const {
        Pids result;
        for (const Slot* slot : pool_.slots())
            if (slot->process()) result[{slot->plan().handler.name, slot->plan().slot}] = slot->process()->pid();
        return result;
    }

    void prepare(const std::map<SlotKey, SlotPlan>& wanted) {
        settled_.clear();
        pool_.prepare(wanted, [this](const std::string& text) { settled_.push_back(text); });
    }
    bool run_until_settled() {
        return run_until([&] { return !settled_.empty(); });
    }
    bool run_until_gone(pid_t pid) {
        return run_until([&] { return is_gone(pid); });
    }
    std::size_t starts() const { return log_.lines_with("process started").size(); }
    pid_t last_started() const {
        const auto lines = log_.lines_with("process started");
        return std::atoi(lines.back().c_str() + lines.back().find("\"pid\":") + 6);
    }

    int changes_ = 0;
    std::vector<std::string> settled_;
    Pool pool_{context()};
};

inline config::Handler pair_of(const std::string& script) {
    config::Handler handler = shell_handler("veg", script);
    handler.processes = 2;
    return handler;
}

}  // namespace portier::keeper

// A slot with real processes, and what it tells.
#pragma once

#include "keeper/slot.hpp"
#include "keeper/stage.hpp"

namespace portier::keeper {

using metrics::ProcessState;
using metrics::Restarted;

class SlotCase : public Stage {
protected:
    std::unique_ptr<Slot> make(const config::Handler& handler, std::vector<InheritedSocket> sockets = {}) {
        return std::make_unique<Slot>(
            context(), SlotPlan{.handler = handler, .sockets = std::move(sockets)},
            Slot::Events{.changed = [this] { ++changes_; },
                         .failed = [this](const ProcessEnd& end) { failures_.push_back(end.text); }});
    }
    std::unique_ptr<Slot> started(const config::Handler& handler) {
        auto slot = make(handler);
        slot->start();
        return slot;
    }

    std::uint64_t restarts(Restarted reason) {
        return board_->handlers[rows_.handler("veg")].restarts[static_cast<std::size_t>(reason)].get();
    }
    std::size_t starts() const { return log_.lines_with("process started").size(); }

    // The delays that were announced so far, in milliseconds.
    std::vector<long> delays() const {
        std::vector<long> result;
        for (const std::string& line : log_.lines_with("process ended, another one follows"))
            result.push_back(std::atol(line.c_str() + line.find("\"after_ms\":") + 11));
        return result;
    }

    unsigned count_rows(ProcessState state) const {
        unsigned count = 0;
        for (std::uint32_t i = 1; i < board_->globals.process_rows.get(); ++i) count += row(i).get_state() == state;
        return count;
    }

    int changes_ = 0;
    std::vector<std::string> failures_;
};

inline config::Handler on_demand(const std::string& script) {
    config::Handler handler = shell_handler("veg", script);
    handler.start = config::Start::on_demand;
    return handler;
}

inline config::Handler missing_program() {
    config::Handler handler = shell_handler("veg", kStays);
    handler.program = "/no/such";
    return handler;
}

}  // namespace portier::keeper

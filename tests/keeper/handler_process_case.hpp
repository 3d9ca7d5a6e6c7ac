// A handler process and what is heard of it.
#pragma once

#include <system_error>

#include "keeper/handler_process.hpp"
#include "keeper/stage.hpp"

namespace portier::keeper {

class HandlerProcessTest : public Stage {
protected:
    struct Started {
        std::unique_ptr<HandlerProcess> process;
        int ready = 0;
        std::vector<ProcessEnd> ends;

        HandlerProcess* operator->() const { return process.get(); }
        pid_t pid() const { return process->pid(); }
    };

    std::unique_ptr<Started> start(ProcessSetup setup) {
        auto started = std::make_unique<Started>();
        setup.row = rows_.take_process();
        setup.handler_row = rows_.handler(setup.handler.name);
        started->process = std::make_unique<HandlerProcess>(
            HandlerContext{io_, *board_, closer_}, std::move(setup),
            HandlerProcess::Events{
                .ready = [all = started.get()] { ++all->ready; },
                .ended = [all = started.get()](const ProcessEnd& end) { all->ends.push_back(end); }});
        return started;
    }
    std::unique_ptr<Started> start(const config::Handler& handler) { return start(ProcessSetup{.handler = handler}); }
    std::unique_ptr<Started> start(const std::string& script) { return start(shell_handler("veg", script)); }

    bool run_until_ended(const Started& started) {
        return run_until([&] { return !started.ends.empty(); });
    }
    metrics::ProcessState state(const Started& started) const { return row(started.process->row()).get_state(); }
    std::string failure_of(const config::Handler& handler) {
        try {
            start(handler);
        } catch (const std::system_error& error) {
            return error.what();
        }
        return "it started";
    }
};

}  // namespace portier::keeper

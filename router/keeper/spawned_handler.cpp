#include "keeper/spawned_handler.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "keeper/command.hpp"
#include "keeper/exits.hpp"
#include "keeper/spawn_command.hpp"
#include "net/socket.hpp"

namespace portier::keeper {

SpawnedHandler::SpawnedHandler(const Context& context, std::uint32_t row, config::Handler handler)
    : context_(context),
      row_number_(row),
      row_(context.board.handlers[row]),
      handler_(std::move(handler)),
      most_(handler_.max_processes),
      output_(context.io, handler_.name, std::nullopt),
      alarm_(context.io) {}

SpawnedHandler::~SpawnedHandler() {
    for (auto& [cookie, process] : processes_) bury(process);
    output_.finish();
}

void SpawnedHandler::configure(config::Handler handler) {
    handler_ = std::move(handler);
    base_.reset();
    most_ = std::max(most_, handler_.max_processes);
}

void SpawnedHandler::start(const delivery::SpawnRequest& request, Fd connection) {
    if (!connection) return could_not_start(request.cookie, errno_code(EMFILE).message());
    Process process{.child = {}, .source = request.remote.address, .exit = nullptr};
    ++by_address_[process.source];
    try {
        const proc::Command command = make_command(request, connection.get());
        process.child = proc::launch(command, "handler " + handler_.name, context_.reports.write_end());
        connection.reset();  // at once: while the process lives, ours is not the last copy, whose closing could wait
        row_.spawned.add();
        process.exit = std::make_unique<Readable>(context_.io, process.child.pidfd.get(),
                                                  [this, cookie = request.cookie] { on_exit(cookie); });
    } catch (const std::exception& error) {
        net::close_at_once(std::move(connection));
        if (process.child.pidfd) {
            bury(process);
            context_.reports.take(process.child.pid);  // not for a later process with its number
        }
        forget_source(process.source);
        return could_not_start(request.cookie, error.what());
    }
    process.exit->wait();
    processes_.emplace(request.cookie, std::move(process));
    const std::uint64_t now = monotonic_microseconds();
    context_.board.globals.dispatch_spawn.observe(metrics::kDispatchBounds, now - std::min(now, request.accepted_us));
}

proc::Command SpawnedHandler::make_command(const delivery::SpawnRequest& request, int connection) {
    if (!base_) base_ = base_command(handler_);
    if (!log_ && handler_.style != config::Style::inetd) log_ = output_.open();
    // Programs of this kind expect a socket that waits. The flag belongs to the connection, which nobody else uses now.
    ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) & ~O_NONBLOCK);
    proc::Command command = *base_;
    add_connection(command, handler_.style,
                   {.socket = connection,
                    .log = log_.get(),
                    .local = request.local,
                    .remote = request.remote,
                    .from_this_address = by_address_[request.remote.address]});
    add_configured_environment(command, handler_);
    return command;
}

void SpawnedHandler::could_not_start(std::uint64_t cookie, const std::string& why) {
    row_.exits[static_cast<std::size_t>(metrics::Exited::not_started)].add();
    log_limited(LogSeverity::warning, "no process could be started for a connection, it is closed",
                {{"handler", handler_.name}, {"error", why}});
    context_.ended({.cookie = cookie, .handler = row_number_, .started = false});
}

void SpawnedHandler::on_exit(std::uint64_t cookie) {
    const auto gone = processes_.extract(cookie);
    Process& process = gone.mapped();
    const pid_t pid = process.child.pid;
    const auto ending = bury(process);
    forget_source(process.source);
    if (const auto failure = context_.reports.take(pid))
        return could_not_start(cookie, proc::to_string(*failure, handler_.program));
    count_exit(row_, ending);
    // What a program of style inetd says goes to its client alone.
    if (ending && (!ending->exited || ending->value != 0) && !signalled_)
        log_limited(LogSeverity::info, "the process of a connection has failed",
                    {{"handler", handler_.name}, {"pid", pid}, {"reason", proc::to_string(*ending)}});
    context_.ended({.cookie = cookie, .handler = row_number_, .started = true});
}

// Its children go with it, while the group's number is still its own.
std::optional<proc::Ending> SpawnedHandler::bury(Process& process) {
    proc::kill_group(process.child, SIGKILL);
    row_.spawned_ended.add();
    return proc::reap(process.child);
}

void SpawnedHandler::forget_source(const net::Address& source) {
    const auto found = by_address_.find(source);
    if (--found->second == 0) by_address_.erase(found);
}

std::vector<delivery::RunningPlan> SpawnedHandler::running() const {
    std::vector<delivery::RunningPlan> result;
    for (const auto& [cookie, process] : processes_) result.push_back({cookie, net::to_string(process.source)});
    return result;
}

bool SpawnedHandler::owns(pid_t pid) const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [pid](const auto& item) { return item.second.child.pid == pid; });
}

void SpawnedHandler::drain(std::chrono::milliseconds patience) {
    if (!signalled_) alarm_.set(patience, [this] { stop(); });
}

void SpawnedHandler::stop() {
    for (auto& [cookie, process] : processes_) proc::send_signal(process.child, handler_.stop.signal);
    if (std::exchange(signalled_, true)) return;  // the time until SIGKILL runs already
    alarm_.set(handler_.stop.timeout, [this] {
        for (auto& [cookie, process] : processes_) proc::kill_group(process.child, SIGKILL);
    });
}

}  // namespace portier::keeper

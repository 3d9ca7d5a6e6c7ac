#include "keeper/handler_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "keeper/command.hpp"
#include "keeper/exits.hpp"
#include "net/channel.hpp"
#include "net/stream_channel.hpp"

namespace portier::keeper {

namespace {

// A process that takes no more connections may just be about to end.
constexpr std::chrono::seconds kFarewell{1};
constexpr int kFirstDescriptor = 3;  // PORTIER_FD, SD_LISTEN_FDS_START

// LISTEN_FDNAMES is separated by colons, so a name must not have one (sd_listen_fds_with_names(3)).
std::string joined_names(const std::vector<InheritedSocket>& sockets) {
    std::string names;
    for (const InheritedSocket& socket : sockets) {
        std::string name = socket.name;
        std::replace(name.begin(), name.end(), ':', '_');
        names += (names.empty() ? "" : ":") + name;
    }
    return names;
}

// How a program learns that it has a channel, and where.
std::map<std::string, std::string> channel_variables(config::Dialect dialect) {
    const std::string number = std::to_string(kFirstDescriptor);
    switch (dialect) {
        case config::Dialect::portier: return {{"PORTIER_FD", number}};
        case config::Dialect::node: return {{"NODE_CHANNEL_FD", number}, {"NODE_CHANNEL_SERIALIZATION_MODE", "json"}};
        case config::Dialect::haproxy: return {};  // its configuration says `bind sockpair@3`
    }
    return {};
}

bool is_inetd_wait(const config::Handler& handler) {
    return handler.delivery == config::Delivery::spawn;  // its other styles have no processes that stay
}

void add_as_systemd(proc::Command& command, const std::vector<InheritedSocket>& sockets) {
    if (sockets.empty()) return;
    int number = kFirstDescriptor;
    for (const InheritedSocket& socket : sockets) command.descriptors.emplace_back(number++, socket.socket->fd.get());
    command.environment["LISTEN_FDS"] = std::to_string(sockets.size());
    command.environment["LISTEN_FDNAMES"] = joined_names(sockets);
    command.pid_variable = "LISTEN_PID";
}

// inetd(8), wait: the socket is all that the program gets, and it waits for what comes. Nobody else reads it now.
void add_as_inetd(proc::Command& command, const OpenSocket& socket) {
    ::fcntl(socket.fd.get(), F_SETFL, ::fcntl(socket.fd.get(), F_GETFL) & ~O_NONBLOCK);
    command.descriptors.clear();
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        command.descriptors.emplace_back(standard, socket.fd.get());
}

}  // namespace

HandlerProcess::HandlerProcess(const HandlerContext& context, ProcessSetup setup, Events events)
    : row_(context.board.processes[setup.row]),
      handler_row_(context.board.handlers[setup.handler_row]),
      setup_(std::move(setup)),
      events_(std::move(events)),
      output_(context.io, setup_.handler.name, setup_.slot),
      alarm_(context.io),
      watchdog_(context.io) {
    NotifySocket::Events heard{
        .is_ours = [this](pid_t pid) { return pid == child_.pid || ::getsid(pid) == child_.pid; },
        .variable = [this](auto key, auto value) { on_variable(key, value); }};
    notify_ = std::make_unique<NotifySocket>(context.io, context.closer, std::move(heard));
    Fd far_channel;
    if (setup_.channel_number) {
        const bool own = setup_.handler.dialect == config::Dialect::portier;
        net::ChannelPair pair = own ? net::make_channel() : net::make_stream_channel();
        channel_ = std::move(pair.near);
        far_channel = std::move(pair.far);
    }
    const Fd output = output_.open();
    child_ = proc::spawn(make_command(output.get(), far_channel.get()), "handler " + setup_.handler.name);
    try {
        exit_ = std::make_unique<Readable>(context.io, child_.pidfd.get(), [this] { on_pidfd(); });
        exit_->wait();
    } catch (...) {  // no destructor follows
        proc::kill_group(child_, SIGKILL);
        proc::reap(child_);
        throw;
    }

    row_.handler.store(setup_.handler_row, std::memory_order_relaxed);
    row_.slot.store(setup_.slot, std::memory_order_relaxed);
    row_.pid.store(child_.pid, std::memory_order_relaxed);
    row_.started_ms.set(wall_milliseconds());
    set_state(metrics::ProcessState::starting);
    if (setup_.handler.ready == config::Ready::immediate)
        become_ready();
    else
        alarm_.set(setup_.handler.ready_timeout, [this] { ready_timed_out(); });
}

HandlerProcess::~HandlerProcess() {
    if (child_.pidfd) finish();
}

std::uint64_t HandlerProcess::started_ms() const {
    return row_.started_ms.get();
}

proc::Command HandlerProcess::make_command(int output, int far_channel) {
    const config::Handler& handler = setup_.handler;
    proc::Command command = base_command(handler);
    command.descriptors = {{STDOUT_FILENO, output}, {STDERR_FILENO, output}};
    command.environment["PORTIER_PROCESS"] = std::to_string(setup_.slot);
    command.environment["NOTIFY_SOCKET"] = notify_->name();
    if (handler.watchdog.count() > 0)
        command.environment["WATCHDOG_USEC"] = std::to_string(std::chrono::microseconds(handler.watchdog).count());
    if (far_channel >= 0) {
        command.descriptors.emplace_back(kFirstDescriptor, far_channel);
        command.environment.merge(channel_variables(handler.dialect));
    }
    if (is_inetd_wait(handler))
        add_as_inetd(command, *setup_.sockets.front().socket);
    else
        add_as_systemd(command, setup_.sockets);
    add_configured_environment(command, handler);
    return command;
}

void HandlerProcess::on_variable(std::string_view key, std::string_view value) {
    if (key == "READY" && value == "1") {
        if (ready_ || asked_to_stop_) return;
        become_ready();
        if (events_.ready) events_.ready();
    } else if (key == "STATUS") {
        status_ = printable(value);
    } else if (key == "WATCHDOG" && setup_.handler.watchdog.count() > 0) {
        if (value == "1" && ready_) arm_watchdog();
        if (value == "trigger") watchdog_expired();
    }
}

void HandlerProcess::become_ready() {
    alarm_.cancel();
    ready_ = true;
    set_state(metrics::ProcessState::ready);
    if (setup_.handler.watchdog.count() > 0) arm_watchdog();
}

void HandlerProcess::set_state(metrics::ProcessState state) {
    row_.state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

void HandlerProcess::ready_timed_out() {
    blamed_ = metrics::Restarted::ready_timeout;
    kill();
}

void HandlerProcess::arm_watchdog() {
    watchdog_.set(setup_.handler.watchdog, [this] { watchdog_expired(); });
}

void HandlerProcess::watchdog_expired() {
    if (asked_to_stop_) return;
    blamed_ = metrics::Restarted::watchdog;
    kill();
}

void HandlerProcess::drain(std::chrono::milliseconds patience) {
    const bool finishes = channel_ || is_relayed_to() || (is_inetd_wait(setup_.handler) && !lost_socket_);
    if (!finishes || !ready_) return stop();  // accepts by itself, or was never given a connection
    asked_to_stop_ = true;
    set_state(metrics::ProcessState::draining);
    // haproxy takes no notice of a channel that closes; this is its word for a graceful end.
    if (setup_.handler.dialect == config::Dialect::haproxy) proc::send_signal(child_, SIGUSR1);
    // The router has its own copy; once that is gone too, the process reads an end of file, which means the same as
    // drain.
    channel_.reset();
    alarm_.set(patience, [this] { stop(); });
}

void HandlerProcess::stop() {
    proc::send_signal(child_, setup_.handler.stop.signal);
    if (std::exchange(signalled_, true)) return;  // the time until SIGKILL runs already
    asked_to_stop_ = true;
    watchdog_.cancel();
    set_state(metrics::ProcessState::stopping);
    alarm_.set(setup_.handler.stop.timeout, [this] { kill(); });
}

void HandlerProcess::give_up() {
    if (!ready_ || asked_to_stop_) return;
    alarm_.set(kFarewell, [this] {
        log_warning("a process takes no more connections, it is stopped",
                    {{"handler", setup_.handler.name}, {"process", setup_.slot}});
        blamed_ = metrics::Restarted::failed;
        stop();
    });
}

void HandlerProcess::kill() {
    proc::kill_group(child_, SIGKILL);
}

std::optional<proc::Ending> HandlerProcess::finish() {
    alarm_.cancel();
    watchdog_.cancel();
    // Its children go with it, while the group's number is still its own.
    proc::kill_group(child_, SIGKILL);
    const auto ending = proc::reap(child_);
    child_.pidfd.reset();
    output_.finish();
    if (is_inetd_wait(setup_.handler))
        count_exit(handler_row_, ending);
    else if (ending)
        handler_row_.ended_cpu_microseconds.add(static_cast<std::uint64_t>(ending->cpu_seconds * 1e6));
    row_.cpu_microseconds.set(0);
    set_state(metrics::ProcessState::absent);
    return ending;
}

std::string HandlerProcess::blame_text() const {
    switch (*blamed_) {
        case metrics::Restarted::watchdog: return "its watchdog expired";
        case metrics::Restarted::failed: return "it took no more connections";
        default: return "it was not ready within " + std::to_string(setup_.handler.ready_timeout.count()) + " ms";
    }
}

void HandlerProcess::on_pidfd() {
    const auto ending = finish();
    ProcessEnd end{.reason = ending && !ending->exited ? metrics::Restarted::signal : metrics::Restarted::exit,
                   .text = ending ? proc::to_string(*ending) : "unknown end",
                   .clean = ending && ending->exited && ending->value == 0,
                   .last_line = output_.last_line()};
    if (blamed_) {
        end.reason = *blamed_;
        end.text = blame_text();
        end.clean = false;
    }
    const auto ended = std::move(events_.ended);
    if (ended) ended(end);  // may destroy this object
}

}  // namespace portier::keeper

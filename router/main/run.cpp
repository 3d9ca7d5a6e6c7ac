#include "main/run.hpp"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "admin/command_address.hpp"
#include "admin/command_server.hpp"
#include "admin/commands.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "config/config.hpp"
#include "keeper/keeper.hpp"
#include "proc/descriptor_limit.hpp"

namespace portier {

namespace {

namespace asio = boost::asio;

bool wants_json(const config::Log& log) {
    if (log.format == config::LogFormat::automatic) return !stderr_is_terminal();
    return log.format == config::LogFormat::json;
}

void set_blocked(int how, int signal) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::sigprocmask(how, &set, nullptr);
}

// The keeper with everything that talks to it: signals and the command socket.
class Daemon {
public:
    Daemon(config::Config config, const RunOptions& options, bool json_log)
        : path_(admin::command_path(options.socket, config.admin.socket)),
          keeper_(io_, std::move(config), json_log),
          commands_(io_, path_,
                    [this](const std::string& request, admin::CommandServer::Answer answer) {
                        admin::dispatch_command(
                            keeper_, [this](std::function<void()> done) { stop(std::move(done)); }, request,
                            std::move(answer));
                    }),
          signals_(io_, SIGTERM, SIGINT, SIGHUP) {
        set_blocked(SIG_UNBLOCK, SIGHUP);
    }

    void run() {
        keeper_.start();
        wait_for_signal();
        const auto& listen = keeper_.config().admin.listen;
        log_info("running", {{"version", kVersion},
                             {"config", keeper_.config().file},
                             {"socket", path_},
                             {"admin", listen ? net::to_string(*listen) : "-"},
                             {"pid", ::getpid()}});
        tell_ports();
        io_.run();
        // With signals_ goes what catches them: one more SIGTERM would be the death of what has ended in good order.
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) set_blocked(SIG_BLOCK, signal);
    }

private:
    void tell_ports() const {
        for (const config::Port& port : keeper_.config().ports)
            log_info("port", {{"port", port.key}, {"handler", port.handler}});
    }

    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int signal) {
            if (error) return;
            if (signal == SIGHUP)
                keeper_.reload([](const keeper::ReloadAnswer&) {});
            else
                stop([] {});
            wait_for_signal();
        });
    }

    void stop(std::function<void()> done) {
        stop_requests_.push_back(std::move(done));
        keeper_.stop([this] {
            for (const auto& tell : stop_requests_) tell();
            log_info("stopped");
            // One more turn, so that the answers are written.
            asio::post(io_, [this] { asio::post(io_, [this] { io_.stop(); }); });
        });
    }

    asio::io_context io_{1};
    std::string path_;
    keeper::Keeper keeper_;
    admin::CommandServer commands_;
    asio::signal_set signals_;
    std::vector<std::function<void()>> stop_requests_;
};

}  // namespace

int run(const RunOptions& options) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a log that may not grow is no reason to end
    proc::raise_descriptor_limit();
    set_blocked(SIG_BLOCK, SIGHUP);  // until it can be answered by a reload
    config::Loaded loaded = config::load(options.file);
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) std::cerr << config::render(diagnostic);
    if (!loaded.config) return 2;
    const config::Log& log = loaded.config->router.log;
    const bool json = wants_json(log);
    set_up_log({.least = log_severity(config::to_string(log.level)), .json = json, .role = "keeper"});
    Daemon(std::move(*loaded.config), options, json).run();
    return 0;
}

}  // namespace portier

// The keeper: holds every listening socket and every handler's channel, starts and watches handlers and the router, and
// puts a new configuration in force as one transaction. Parses no byte from the network. One thread: the one in run().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "keeper/closer.hpp"
#include "keeper/demand.hpp"
#include "keeper/orphans.hpp"
#include "keeper/pool.hpp"
#include "keeper/resolver.hpp"
#include "keeper/router_process.hpp"
#include "keeper/rows.hpp"
#include "keeper/sampler.hpp"
#include "keeper/shared_listeners.hpp"
#include "keeper/socket_set.hpp"
#include "keeper/spawner.hpp"
#include "metrics/board.hpp"
#include "net/sock_diag.hpp"

namespace portier::keeper {

struct ReloadAnswer {
    bool ok = false;
    bool changed = false;
    std::string text;  // for a person: diagnostics, or what was done
    std::vector<config::Diagnostic> diagnostics{};
};

class Keeper {
public:
    // `json_log`: how the router shall write its lines.
    Keeper(boost::asio::io_context& io, config::Config config, bool json_log);
    ~Keeper();

    // Opens everything and starts the processes. Throws std::system_error with context; then nothing is left behind.
    void start();

    // Reads the file again and puts it in force, all or nothing. One at a time: a request during another
    // one waits with it, or makes it begin anew if the file has other settings by now.
    void reload(std::function<void(const ReloadAnswer&)> answer);

    // What a reload would change, or why it would be refused. Opens what would be new for a moment, changes nothing.
    ReloadAnswer rehearse_reload();

    // Stops accepting, delivers what waits, drains the handlers; `stopped` is called when everything has ended. A
    // second call hurries.
    void stop(std::function<void()> stopped);

    const config::Config& config() const { return config_; }
    delivery::Plan plan() { return make_order().plan; }
    const Pool& pool() const { return pool_; }
    const metrics::Board& board() const { return *board_; }
    pid_t router_pid() const { return router_ ? router_->pid() : -1; }
    bool stopping() const { return stopping_; }
    const std::string& last_reload_error() const { return last_reload_error_; }

private:
    struct Reload;

    RouterOrder make_order();
    void publish_soon();
    void publish();
    void wake_by_row(std::uint32_t handler_row);
    void let_go();
    void open_destroy_events();
    void join_destroy_events();
    std::set<net::DestroyGroup> wanted_groups() const;
    config::Delivery delivery_of(const config::Port& port) const;
    void begin_reload();
    void on_resolved(const Addresses& addresses, const std::string& problem);
    void reserve_rows(const config::Config& next, const Addresses& addresses);
    void on_candidates(const std::string& problem);
    void commit_reload();
    void tune_sockets();
    void finish_reload(const ReloadAnswer& outcome);
    bool file_has_changed() const;
    void begin_anew();
    void call_off(const std::string& why);
    void call_off_reloads();
    bool reload_committing() const;
    std::set<std::string> restarted_handlers(const std::map<SlotKey, SlotPlan>& wanted) const;
    std::string fixed_key_changed(const config::Config& next) const;

    boost::asio::io_context& io_;
    metrics::BoardMemory board_;
    Rows rows_;
    std::uint32_t next_number_ = 1;
    config::Config config_;
    Addresses addresses_;  // of the names in config_
    SocketSet sockets_;
    std::pair<std::uint32_t, Fd> destroy_events_;
    std::set<net::DestroyGroup> joined_;
    Fd executable_;  // opened at the start: later the file may be replaced by another version
    Resolver resolver_;
    Closer closer_;
    Pool pool_;
    Spawner spawner_;
    Sampler sampler_;
    SharedListeners shared_listeners_;
    Orphans orphans_;
    Demand demand_;
    std::unique_ptr<RouterProcess> router_;
    std::unique_ptr<Reload> reload_;
    std::uint64_t reload_number_ = 0;
    std::vector<std::function<void(const ReloadAnswer&)>> waiting_reloads_;
    std::string last_reload_error_;
    bool publish_pending_ = false;
    bool json_log_;
    bool stopping_ = false;
    bool hurried_ = false;   // while stopping: nobody waits for connections
    bool released_ = false;  // while stopping: the router accepts nothing more
};

}  // namespace portier::keeper

#include "keeper/keeper.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <system_error>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keeper/reload.hpp"
#include "net/sock_diag.hpp"

namespace portier::keeper {

namespace {

// Holds the events of a router's absence: at about 1 KiB each, 16,000 closes.
constexpr int kEventBuffer = 16 << 20;

}  // namespace

Keeper::Keeper(boost::asio::io_context& io, config::Config config, bool json_log)
    : io_(io),
      board_(metrics::BoardMemory::create()),
      rows_(*board_),
      config_(std::move(config)),
      executable_(::open("/proc/self/exe", O_PATH | O_CLOEXEC)),
      resolver_(io, lookup_helper(executable_.get(), ::geteuid() == 0 ? config_.router.user : "")),
      closer_(io),
      pool_({io, *board_, rows_, next_number_, closer_}),
      spawner_(io, *board_, rows_,
               [this](const delivery::SpawnEnd& end) {
                   if (router_) router_->spawned_ended(end);
               }),
      sampler_(io, *board_, [this] { return pool_.processes(); }),
      shared_listeners_(io, *board_),
      orphans_(io,
               [this](pid_t pid) {
                   return pid == router_pid() || resolver_.owns(pid) || pool_.owns(pid) || spawner_.owns(pid) ||
                          closer_.owns(pid);
               }),
      demand_(io, *board_,
              {.wake = [this](const SlotKey& key) { pool_.wake(key); },
               .put_to_sleep = [this](const SlotKey& key) { pool_.put_to_sleep(key); }}),
      json_log_(json_log) {
    pool_.set_on_changed([this] { publish_soon(); });
}

Keeper::~Keeper() = default;

void Keeper::start() {
    addresses_ = resolver_.resolve_now(config_);
    reserve_rows(config_, addresses_);
    sockets_ = SocketSet::build(config_, SocketSet(), next_number_);
    sockets_.tune(config_);
    open_destroy_events();
    join_destroy_events();
    spawner_.assign(config_);
    RouterProcess::Options options{
        .closer = closer_,
        .user = ::geteuid() == 0 ? config_.router.user : "",
        .json_log = json_log_,
        .log_level = config::to_string(config_.router.log.level),
        .make_order = [this] { return make_order(); },
        .on_demand = [this](std::uint32_t row) { wake_by_row(row); },
        .on_broken = [this](std::uint32_t row) { pool_.replace_broken(row); },
        .on_spawn = [this](const delivery::SpawnRequest& request,
                           Fd connection) { return spawner_.start(request, std::move(connection)); }};
    router_ = std::make_unique<RouterProcess>(io_, board_, std::move(options));
    metrics::Globals& globals = board_->globals;
    globals.generation.set(1);
    globals.last_reload_ok.set(1);
    globals.last_reload_ms.set(wall_milliseconds());
    globals.started_ms.set(wall_milliseconds());
    router_->start();
    pool_.start(wanted_slots(config_, sockets_));
    publish_soon();
    sampler_.start();
    orphans_.start();
}

// The keeper holds the netlink socket, so that ends announced while there is no router wait for the next one.
void Keeper::open_destroy_events() {
    try {
        destroy_events_ = {next_number_++, net::open_destroy_events(kEventBuffer)};
    } catch (const std::system_error& error) {
        destroy_events_ = {};
        log_warning("no destroy events from the kernel, counts come from dumps", {{"error", error.what()}});
    }
}

void Keeper::join_destroy_events() {
    if (!destroy_events_.second) return;
    for (const net::DestroyGroup group : wanted_groups()) {
        if (!joined_.insert(group).second) continue;
        if (const auto error = net::join_destroy_events(destroy_events_.second.get(), group)) {
            log_warning("no destroy events from the kernel, counts come from dumps", {{"error", error.message()}});
            destroy_events_ = {};
            return;
        }
    }
}

void Keeper::reserve_rows(const config::Config& next, const Addresses& addresses) {
    rows_.reserve(next, config_);
    rows_.reserve_backends(backend_row_names(next, addresses), backend_row_names(config_, addresses_));
}

// Where processes have the connections; the ends of what it relays the router sees itself, and each group costs every
// TCP connection of the host that ends. Of TCP the families of our listeners; of UDP those of our flows: a socket for
// every address has clients of both.
std::set<net::DestroyGroup> Keeper::wanted_groups() const {
    std::set<net::DestroyGroup> groups;
    for (const config::Port& port : config_.ports) {
        const config::Delivery delivery = delivery_of(port);
        if (port.protocol == config::Protocol::tcp && delivery != config::Delivery::relay) {
            for (const auto& socket : sockets_.of_port(port, 0))
                groups.insert(net::socket_family(socket->fd.get()) == AF_INET ? net::DestroyGroup::ipv4
                                                                              : net::DestroyGroup::ipv6);
        }
        if (port.protocol == config::Protocol::udp && delivery == config::Delivery::handoff) {
            if (!port.address || port.address->family == 4) groups.insert(net::DestroyGroup::udp_ipv4);
            if (!port.address || port.address->family == 6) groups.insert(net::DestroyGroup::udp_ipv6);
        }
    }
    return groups;
}

config::Delivery Keeper::delivery_of(const config::Port& port) const {
    const auto has_it = [&](const config::Handler& handler) { return handler.name == port.handler; };
    return std::find_if(config_.handlers.begin(), config_.handlers.end(), has_it)->delivery;
}

RouterOrder Keeper::make_order() {
    return build_order({.config = config_,
                        .sockets = sockets_,
                        .slots = pool_.slots(),
                        .leaving = pool_.leaving(),
                        .destroy_events = {destroy_events_.first, destroy_events_.second.get()},
                        .rows = rows_,
                        .addresses = addresses_,
                        .running = [this](std::uint32_t row) { return spawner_.running(row); }});
}

// Several changes of one turn of the event loop make one plan.
void Keeper::publish_soon() {
    if (std::exchange(publish_pending_, true)) return;
    boost::asio::post(io_, [this] {
        publish_pending_ = false;
        if (!stopping_ && router_) publish();
    });
}

void Keeper::publish() {
    shared_listeners_.assign(config_, pool_.slots());
    demand_.assign(pool_.slots());
    if (reload_committing()) return;  // the router has its order; finish_reload() publishes what changed meanwhile
    // A process that was put to sleep ends once the router no longer sends it anything.
    router_->publish([this] { let_go(); });
}

// The router no longer sends anything to processes that were put aside, and asks for none of handlers that are gone.
void Keeper::let_go() {
    pool_.drain_leaving(config_.router.drain_timeout);
    spawner_.settle(config_.router.drain_timeout);
}

void Keeper::wake_by_row(std::uint32_t handler_row) {
    for (const config::Handler& handler : config_.handlers)
        if (rows_.handler(handler.name) == handler_row) pool_.wake(handler.name);
}

void Keeper::stop(std::function<void()> stopped) {
    if (std::exchange(stopping_, true)) {
        hurried_ = true;
        router_->hurry();
        pool_.hurry();
        spawner_.hurry();
        return;
    }
    log_info("stopping", {{"drain_timeout_ms", config_.router.drain_timeout.count()}});
    sampler_.stop();
    shared_listeners_.stop();
    demand_.stop();
    call_off_reloads();
    pool_.retire();
    // The router delivers what waits in the queues and tells the handlers that no more will come; then the ports close
    // and the processes end. Those that it relays to last as long as the router has connections.
    const auto gone = [left = std::make_shared<int>(3), stopped = std::move(stopped)] {
        if (--*left == 0) stopped();
    };
    const auto released = [this, gone] {
        if (std::exchange(released_, true)) return;
        sockets_ = SocketSet();
        const auto patience = hurried_ ? std::chrono::milliseconds(0) : config_.router.drain_timeout;
        pool_.stop(patience, gone);
        spawner_.stop(patience, gone);
    };
    router_->stop({.patience = config_.router.drain_timeout, .released = released, .ended = [this, gone, released] {
                       released();
                       pool_.end_relayed();
                       gone();
                   }});
}

}  // namespace portier::keeper

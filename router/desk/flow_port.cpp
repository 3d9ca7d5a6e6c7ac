#include "desk/flow_port.hpp"

#include <poll.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "net/socket.hpp"

namespace portier::desk {

namespace {

// Batches read in one turn before other ports get theirs.
constexpr int kReadBudget = 4;
// More than the widest queue can hold, so that one is always read empty.
constexpr int kMostBatches = 256;
// How long a new flow may wait until another one has ended. Processes close those that they are asked to within
// milliseconds.
constexpr std::chrono::milliseconds kPatience{1000};
// A datagram for which the kernel has chosen a socket is in its queue within microseconds, unless the host takes the
// processor away just then.
constexpr std::chrono::milliseconds kSettlingTime{1};
constexpr std::size_t kMostSettling = 256;
constexpr std::chrono::milliseconds kOutOfDescriptorsPause{100};

// What comes back by itself, and would fail for the next flow, too.
bool is_lack(const std::error_code& error) {
    const int number = error.value();
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

}  // namespace

FlowPort::FlowPort(boost::asio::io_context& io, net::DatagramReader& reader, std::uint32_t number,
                   std::shared_ptr<Fd> socket, PortState& port)
    : reader_(reader),
      number_(number),
      socket_(std::move(socket)),
      port_(&port),
      local_port_(net::local_endpoint(socket_->get()).port),
      settled_(io),
      readable_(io, socket_->get(), [this] { serve(); }),
      next_(io),
      patience_(io) {
    if (const auto error = net::tell_local_addresses(socket_->get()))
        log_error("a port cannot see where its datagrams were sent to", {{"error", error.message()}});
    if (const auto error = net::tell_arrival_times(socket_->get()))
        log_error("a port cannot see when its datagrams came", {{"error", error.message()}});
    readable_.wait();
}

// Not at once: the delivery calls from within its own work.
void FlowPort::resume() {
    next_.set(std::chrono::microseconds(0), [this] { serve(); });
}

void FlowPort::serve() {
    if (!settling_.empty() || finishing_) return;
    for (int count = 0; count < kReadBudget; ++count) {
        if (!connect_waiting()) return;
        if (!port_->delivery->has_room()) return starve();
        reader_.clear();
        if (reader_.read(socket_->get())) break;
        receive_batch(nullptr);
    }
    if (!connect_waiting()) return;
    port_->delivery->end_of_burst();
    readable_.wait();
}

// False: some still wait or settle, and the socket is not read meanwhile.
bool FlowPort::connect_waiting() {
    while (!waiting_.empty() && settling_.size() < kMostSettling) {
        if (port_->flows->full(settling_.size())) {
            wait_for_an_end();
            return false;
        }
        if (!port_->delivery->has_room()) {
            starve();
            return false;
        }
        if (!make_socket(waiting_.front())) {
            next_.set(kOutOfDescriptorsPause, [this] { serve(); });
            return false;
        }
        waiting_.pop_front();
    }
    patience_.cancel();
    return settling_.empty();
}

// Until the delivery says that there is room again, and the desk calls resume().
void FlowPort::starve() {
    port_->starved->push_back(number_);
    port_->delivery->demand();
}

// Processes are asked to close as many as are needed; the desk calls resume() at every end.
void FlowPort::wait_for_an_end() {
    port_->flows->blocked.insert(number_);
    const net::Eviction eviction = port_->flows->evict(waiting_.size());
    if (eviction.count > 0) port_->delivery->evict(eviction);
    patience_.set(kPatience, [this] { give_up_waiting(); });
}

void FlowPort::give_up_waiting() {
    port_->flows->forget_evictions();
    log_limited(LogSeverity::warning, "a port has all its flows and its processes close none: new ones are refused",
                {{"local_port", local_port_}, {"max_flows", port_->flows->max()}});
    for (const FlowKey& key : std::exchange(waiting_, {})) drop(key, metrics::Dropped::limit);
    serve();
}

void FlowPort::finish() {
    read_all(socket_->get());
    while (!waiting_.empty() && !port_->delivery->is_behind() && make_socket(waiting_.front())) waiting_.pop_front();
    for (const FlowKey& key : std::exchange(waiting_, {})) drop(key, metrics::Dropped::limit);
    finishing_ = true;
    hand_over_settled();
}

void FlowPort::set_port(PortState& port) {
    port_ = &port;
    finishing_ = false;
}

// A batch that is not full has shown all.
void FlowPort::read_all(int socket, const net::Address* local) {
    for (int count = 0; count < kMostBatches; ++count) {
        reader_.clear();
        if (reader_.read(socket)) return;
        receive_batch(local);
        if (!reader_.full()) return;
    }
}

// `local`: what the socket is bound to. The shared one may be bound to every address, and tells it with each datagram.
void FlowPort::receive_batch(const net::Address* local) {
    for (const net::Datagram& datagram : reader_.datagrams())
        receive({datagram.peer, {local ? *local : datagram.local, local_port_}}, datagram);
    port_->row->flows.datagrams_received.add(reader_.truncated());
    count(metrics::Dropped::truncated, reader_.truncated());
}

void FlowPort::receive(const FlowKey& key, const net::Datagram& datagram) {
    Flows& flows = *port_->flows;
    port_->row->flows.datagrams_received.add();
    if (WaitingFlow* flow = flows.find_waiting(key)) return append(*flow, datagram);
    const auto cookie = flows.find_handed(key);
    if (!cookie) return open(key, datagram);
    // As long as the flow's socket is there the kernel puts its datagrams into that, but for what a router before us
    // had not read, and broadcasts.
    if (net::is_open_flow(*cookie, key)) return count(metrics::Dropped::stray);
    flows.remove_handed(*cookie);
    port_->admission->ended(key.remote.address);
    open(key, datagram);
}

void FlowPort::open(const FlowKey& key, const net::Datagram& datagram) {
    if (!net::can_be_connected(key.remote)) return count(metrics::Dropped::send_failed);
    const std::uint64_t now = monotonic_microseconds();
    if (const auto reason = port_->admission->refuse(key.remote.address, 0, now))
        return count(*reason == metrics::Rejected::denied ? metrics::Dropped::denied : metrics::Dropped::source_limit);
    WaitingFlow* flow = port_->flows->add_waiting(key);
    if (!flow) {
        port_->admission->ended(key.remote.address);
        return count(metrics::Dropped::limit);
    }
    flow->since_us = now;
    flow->interface = datagram.interface;
    waiting_.push_back(key);
    append(*flow, datagram);
}

void FlowPort::append(WaitingFlow& flow, const net::Datagram& datagram) {
    if (!port_->flows->append(flow, datagram)) count(metrics::Dropped::limit);
}

// False: there are no descriptors, or no memory, just now.
bool FlowPort::make_socket(const FlowKey& key) {
    const std::uint32_t interface = port_->flows->find_waiting(key)->interface;
    std::error_code error;
    Fd socket = net::bind_flow_socket(key.local, interface, error);
    if (socket) error = net::connect_flow_socket(socket.get(), key.remote, interface);
    if (!error) {
        settling_.push_back({key, std::move(socket)});
        if (settling_.size() == 1) settled_.set(kSettlingTime, [this] { hand_over_settled(); });
        return true;
    }
    log_limited(LogSeverity::warning, "a flow gets no socket",
                {{"local", net::to_string(key.local)}, {"error", error.message()}});
    if (!socket && is_lack(error)) return false;
    if (socket) read_new(socket.get(), key.local.address);
    drop(key, metrics::Dropped::send_failed);
    return true;
}

void FlowPort::hand_over_settled() {
    std::vector<pollfd> sockets;
    for (const Settling& flow : settling_) sockets.push_back({flow.socket.get(), POLLIN, 0});
    ::poll(sockets.data(), sockets.size(), 0);  // most have nothing
    for (std::size_t i = 0; i < sockets.size(); ++i)
        if (sockets[i].revents) read_new(sockets[i].fd, settling_[i].key.local.address);
    read_all(socket_->get());
    for (Settling& flow : std::exchange(settling_, {})) hand_over(flow.key, std::move(flow.socket));
    serve();
}

// What its own client has sent, and the strays.
void FlowPort::read_new(int socket, const net::Address& local) {
    net::tell_arrival_times(socket);
    read_all(socket, &local);
    net::tell_arrival_times(socket, false);  // the process that gets it has not asked for them
}

void FlowPort::hand_over(const FlowKey& key, Fd socket) {
    WaitingFlow flow = port_->flows->take_waiting(key);
    delivery::Accepted accepted;
    accepted.protocol = IPPROTO_UDP;
    accepted.local = key.local;
    accepted.remote = key.remote;
    accepted.datagrams = flow.take_early();
    accepted.port_row = port_->row_number;
    accepted.cookie = net::socket_cookie(socket.get());
    accepted.accepted_us = flow.since_us;
    accepted.idle_timeout_ms = port_->flows->idle_ms();
    accepted.socket = std::move(socket);
    port_->flows->add_handed(key, accepted.cookie);
    port_->row->flows.created.add();
    port_->row->flows.handed.add();
    port_->delivery->deliver(std::move(accepted));
}

void FlowPort::drop(const FlowKey& key, metrics::Dropped reason) {
    count(reason, port_->flows->take_waiting(key).early.size());
    port_->admission->ended(key.remote.address);
}

void FlowPort::count(metrics::Dropped reason, std::uint64_t datagrams) {
    port_->row->flows.datagrams_dropped[static_cast<std::size_t>(reason)].add(datagrams);
}

}  // namespace portier::desk

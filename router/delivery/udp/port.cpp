#include "delivery/udp/port.hpp"

#include <sys/epoll.h>

#include <array>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "delivery/relay/backend_socket.hpp"

namespace portier::delivery {

namespace {

// What the epoll set says is ready: a flow's socket (its index), the socket to local backends, or a listener.
constexpr std::uint64_t kLoopback = std::uint64_t{1} << 32;
constexpr std::uint64_t kListeners = std::uint64_t{1} << 33;

constexpr int kTurns = 16;  // before others of this thread have theirs
constexpr int kRefusalsPerTurn = 64;
constexpr std::chrono::milliseconds kLookPeriod{500};
constexpr std::chrono::milliseconds kLookAgain{1};

net::Address address_of(std::uint32_t number) {
    return {4,
            {127, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
             static_cast<std::uint8_t>(number)}};
}

std::uint32_t number_of(const net::Address& address) {
    return std::uint32_t{address.bytes[1]} << 16 | std::uint32_t{address.bytes[2]} << 8 | address.bytes[3];
}

bool is_any(const net::Address& address) {
    return address == net::Address{address.family, {}};
}

Fd make_epoll() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) throw_errno("epoll_create1");
    return epoll;
}

}  // namespace

UdpPort::UdpPort(const Parts& parts)
    : io_(parts.io),
      row_(parts.row),
      backends_(parts.backends),
      buffers_(parts.buffers),
      epoll_(make_epoll()),
      book_(parts.row, parts.backends, epoll_.get()),
      readable_(io_, epoll_.get(), [this] { on_ready(); }),
      next_look_(io_) {}

// In place of the one before, which the keeper may hold open: closing ours would not take it out.
void UdpPort::watch(const std::shared_ptr<Fd>& socket, const std::shared_ptr<Fd>& before, std::uint64_t mark) {
    if (socket == before) return;
    if (before) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, before->get(), nullptr);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = mark;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket->get(), &event) < 0) throw_errno("watch a UDP socket");
}

void UdpPort::apply(UdpPortOrder order) {
    // A socket that is bound to one address needs no word about it, which saves the kernel some work. (With IPv6 that
    // word tells the interface, too.)
    address_ = net::parse_address(order.plan.address);
    if (!address_ || is_any(*address_) || address_->family == 6) address_.reset();
    for (const auto& listener : order.listeners) {
        if (address_) continue;
        if (const auto error = net::tell_local_addresses(listener->get()))
            throw std::system_error(error, "port " + order.plan.key);
    }
    book_.apply(order.plan, order.handler, order.memory);
    allow_ = networks_of(order.plan.admission.allow);
    deny_ = networks_of(order.plan.admission.deny);
    proxies_ = networks_of(order.plan.proxy.from);
    prefixes_.resize(order.proxy_sending == ProxySending::none ? 0 : book_.table().capacity());
    order_.listeners.resize(order.listeners.size());
    for (std::size_t i = 0; i < order.listeners.size(); ++i)
        watch(order.listeners[i], order_.listeners[i], kListeners + i);
    watch(order.loopback_socket, order_.loopback_socket, kLoopback);
    order_ = std::move(order);
    readable_.wait();
    end_idle_flows();
}

void UdpPort::end_idle_flows() {
    count_lost_replies();
    const bool all = book_.end_idle(monotonic_milliseconds());
    next_look_.set(all ? kLookPeriod : kLookAgain, [this] { end_idle_flows(); });
}

// The kernel counts them for as long as the socket lives, which is longer than we do.
void UdpPort::count_lost_replies() {
    const std::uint32_t now = net::dropped_datagrams(order_.loopback_socket->get());
    const std::uint32_t before = std::exchange(lost_replies_, now).value_or(now);
    drop(metrics::Dropped::queue_full, now - before);
}

// Level-triggered: what the budget leaves over wakes us again, after others.
void UdpPort::on_ready() {
    for (int count = 0; count < kTurns && turn(); ++count) {
    }
    readable_.wait();
}

bool UdpPort::turn() {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    if (count <= 0) return false;
    now_ms_ = monotonic_milliseconds();
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        on_event(event.data.u64, event.events);
    }
    send_to_clients();
    buffers_.reader.clear();
    return true;
}

void UdpPort::on_event(std::uint64_t mark, std::uint32_t events) {
    if (mark >= kListeners) return read_clients(mark - kListeners);
    if (mark < kLoopback) return read_flow(static_cast<std::uint32_t>(mark));
    if (events & EPOLLERR) read_refusals();
    read_loopback();
}

void UdpPort::drop(metrics::Dropped reason, std::size_t count) {
    row_.flows.datagrams_dropped[static_cast<std::size_t>(reason)].add(count);
}

void UdpPort::read_clients(std::size_t listener) {
    send_to_clients();  // they lie in the buffers that are read into now
    buffers_.reader.clear();
    buffers_.reader.read(order_.listeners[listener]->get());
    row_.flows.datagrams_received.add(buffers_.reader.datagrams().size() + buffers_.reader.truncated());
    drop(metrics::Dropped::truncated, buffers_.reader.truncated());
    const auto port = static_cast<std::uint16_t>(order_.plan.first + listener);
    for (const net::Datagram& datagram : buffers_.reader.datagrams()) take(datagram, port);
    send_to_backends();
    buffers_.reader.clear();
}

void UdpPort::take(const net::Datagram& datagram, std::uint16_t port) {
    const bool proxied = !proxies_.empty();
    if (proxied && !net::contains(proxies_, datagram.peer.address)) return drop(metrics::Dropped::denied);
    const auto read = read_datagram(datagram, {address_.value_or(datagram.local), port}, proxied);
    if (!read) return drop(metrics::Dropped::proxy_header);
    std::uint32_t flow = book_.table().find(read->key);
    if (flow != FlowTable::kNone && backends_.is_better_left(book_.backend(flow), now_ms_)) {
        book_.end(flow, metrics::FlowClosed::error);
        flow = FlowTable::kNone;
    }
    const bool first = flow == FlowTable::kNone;
    if (first) flow = begin(read->key, datagram);
    if (flow != FlowTable::kNone) forward(flow, read->bytes, first);
}

std::uint32_t UdpPort::begin(const FlowKey& key, const net::Datagram& datagram) {
    const net::Address client = unpack(key.client).address;
    if (net::contains(deny_, client) || (!allow_.empty() && !net::contains(allow_, client))) {
        drop(metrics::Dropped::denied);
        return FlowTable::kNone;
    }
    const auto begun = book_.begin(key, datagram.interface, now_ms_);
    if (const auto* reason = std::get_if<metrics::Dropped>(&begun)) {
        drop(*reason);
        return FlowTable::kNone;
    }
    return std::get<std::uint32_t>(begun);
}

void UdpPort::forward(std::uint32_t index, std::span<const std::byte> bytes, bool first) {
    Flow& flow = book_.table()[index];
    flow.received += bytes.size();
    if (!first) book_.table().use(index, now_ms_, true);
    std::span<const std::byte> prefix;
    if (order_.proxy_sending == ProxySending::every || (order_.proxy_sending == ProxySending::first && first))
        prefix = prefixes_.of(index, flow.key, flow.number);
    const int socket = book_.socket(index);
    if (socket < 0) {
        buffers_.to_backends.add({book_.backend(index).endpoint, address_of(flow.number), 0, bytes}, prefix);
        return;
    }
    const BackendSocketSend result = send_by_backend_socket(socket, prefix, bytes);
    if (result.error) backends_.failed(book_.backend(index), result.error, now_ms_);
    if (!result.sent) drop(metrics::Dropped::send_failed);
}

void UdpPort::send_to_backends() {
    if (buffers_.to_backends.empty()) return;
    drop(metrics::Dropped::send_failed, buffers_.to_backends.send(order_.loopback_socket->get()));
}

void UdpPort::read_loopback() {
    send_to_clients();
    buffers_.reader.clear();
    buffers_.reader.read(order_.loopback_socket->get());
    for (const net::Datagram& datagram : buffers_.reader.datagrams()) {
        const std::uint32_t flow = book_.table().find_number(number_of(datagram.local));
        // Anybody on this machine can send to our address; an answer comes from whom the flow has asked.
        if (flow != FlowTable::kNone && book_.backend(flow).endpoint == datagram.peer) reply(flow, datagram.bytes);
    }
    send_to_clients();
    buffers_.reader.clear();
}

void UdpPort::read_refusals() {
    for (int count = 0; count < kRefusalsPerTurn; ++count) {
        const net::Refusal refusal = net::read_refusal(order_.loopback_socket->get());
        if (refusal.error) return;
        const std::uint32_t flow = book_.table().find_number(number_of(refusal.local));
        if (flow != FlowTable::kNone && book_.backend(flow).endpoint == refusal.peer)
            backends_.failed(book_.backend(flow), refusal.reason, now_ms_);
    }
}

// Replies of many flows gather in the buffers until there is no room.
void UdpPort::read_flow(std::uint32_t flow) {
    if (!book_.is_living(flow) || book_.socket(flow) < 0) return;  // ended in this turn
    if (buffers_.reader.full()) {
        send_to_clients();
        buffers_.reader.clear();
    }
    const std::size_t before = buffers_.reader.datagrams().size();
    const std::error_code error = buffers_.reader.read(book_.socket(flow));
    if (error) backends_.failed(book_.backend(flow), error, now_ms_);
    for (const net::Datagram& datagram : buffers_.reader.datagrams().subspan(before)) reply(flow, datagram.bytes);
}

void UdpPort::reply(std::uint32_t index, std::span<const std::byte> bytes) {
    Flow& flow = book_.table()[index];
    flow.sent += bytes.size();
    book_.table().use(index, now_ms_, false);
    const net::Endpoint asked = unpack(flow.key.asked);
    const std::size_t listener = asked.port - order_.plan.first;
    if (listener != reply_listener_ || buffers_.to_clients.full()) send_to_clients();
    reply_listener_ = listener;
    const net::Address from = address_ ? net::Address{} : asked.address;
    buffers_.to_clients.add({unpack(flow.key.sender), from, flow.interface, bytes});
}

void UdpPort::send_to_clients() {
    if (buffers_.to_clients.empty()) return;
    const std::size_t count = buffers_.to_clients.size();
    const std::size_t failed = buffers_.to_clients.send(order_.listeners[reply_listener_]->get());
    row_.flows.datagrams_sent.add(count - failed);
    drop(metrics::Dropped::send_failed, failed);
}

}  // namespace portier::delivery

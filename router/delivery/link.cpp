#include "delivery/link.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <type_traits>

#include "base/error.hpp"
#include "net/channel.hpp"
#include "net/socket.hpp"

namespace portier::delivery {

namespace {

// Both ends are the same binary on the same machine, so the bytes are those of memory.
struct Header {
    LinkType type;
    std::array<std::uint8_t, 3> unused{};  // would be padding, and carry whatever lies in our memory to the other side
    std::uint32_t count = 0;               // of the numbers that follow
    std::uint64_t generation = 0;
};
static_assert(std::has_unique_object_representations_v<Header>);

std::error_code send_patiently(int link, std::span<const std::byte> message, std::span<const int> descriptors,
                               Deadline until) {
    for (;;) {
        const std::error_code error = net::send_message(link, message, descriptors);
        if (error != std::errc::resource_unavailable_try_again) return error;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Deadline::clock::now());
        if (left.count() <= 0) return errno_code(ETIMEDOUT);
        pollfd writable{link, POLLOUT, 0};
        if (::poll(&writable, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return errno_code();
    }
}

std::error_code send_header(int link, const Header& header) {
    return net::send_message(link, std::as_bytes(std::span(&header, 1)));
}

// A plan can be longer than a message, so it travels as a memory file.
std::string read_memory_file(const Fd& file) {
    struct stat status {};
    if (::fstat(file.get(), &status) < 0) return {};
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
    return size == status.st_size ? text : std::string();
}

std::optional<LinkMessage> decode(std::span<const std::byte> bytes, std::vector<Fd> descriptors) {
    Header header{};
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (bytes.size() != sizeof header + header.count * sizeof(std::uint32_t)) return std::nullopt;
    LinkMessage message{header.type, header.generation, {}, {}, {}, {}, {}};
    if (header.type == LinkType::spawned_ended) {
        std::uint32_t numbers[2];
        if (header.count != 2) return std::nullopt;
        std::memcpy(numbers, bytes.data() + sizeof header, sizeof numbers);
        message.ended = {.cookie = header.generation, .handler = numbers[0], .started = numbers[1] != 0};
    } else if (header.type == LinkType::plan) {
        if (descriptors.size() != 1) return std::nullopt;
        message.plan = read_memory_file(descriptors.front());
    } else if (header.type == LinkType::offer) {
        if (descriptors.size() != header.count) return std::nullopt;
        for (std::uint32_t i = 0; i < header.count; ++i) {
            std::uint32_t number;
            std::memcpy(&number, bytes.data() + sizeof header + i * sizeof number, sizeof number);
            message.offered.emplace_back(number, std::move(descriptors[i]));
        }
    }
    return message;
}

// Nobody here may trust what a router says.
std::optional<LinkMessage> decode_from_router(std::span<const std::byte> bytes, net::Received& received) {
    Header header{};
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.count != 0) return std::nullopt;
    LinkMessage message{header.type, header.generation, {}, {}, {}, {}, {}};
    if (header.type == LinkType::spawn) {
        // Without a descriptor only when we were out of them.
        if (received.descriptors.size() + received.descriptors_lost != 1) return std::nullopt;
        const int connection = received.descriptors.empty() ? -1 : received.descriptors.front().get();
        const auto request = decode_spawn(bytes.subspan(sizeof header), connection);
        if (!request) return std::nullopt;
        message.spawn = *request;
        if (!received.descriptors.empty()) message.connection = std::move(received.descriptors.front());
        return message;
    }
    const bool known =
        header.type == LinkType::applied || header.type == LinkType::demand || header.type == LinkType::broken;
    if (bytes.size() != sizeof header || !known || !received.descriptors.empty()) return std::nullopt;
    return message;
}

}  // namespace

std::error_code send_offer(int link, std::span<const std::pair<std::uint32_t, int>> descriptors, Deadline until) {
    while (!descriptors.empty()) {
        const std::size_t count = std::min(descriptors.size(), net::kMaxDescriptors);
        const Header header{.type = LinkType::offer, .count = static_cast<std::uint32_t>(count)};
        std::vector<std::byte> message(sizeof header + count * sizeof(std::uint32_t));
        std::memcpy(message.data(), &header, sizeof header);
        std::array<int, net::kMaxDescriptors> fds;
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(message.data() + sizeof header + i * sizeof(std::uint32_t), &descriptors[i].first,
                        sizeof(std::uint32_t));
            fds[i] = descriptors[i].second;
        }
        if (const auto error = send_patiently(link, message, std::span(fds).first(count), until)) return error;
        descriptors = descriptors.subspan(count);
    }
    return {};
}

std::error_code send_plan(int link, std::uint64_t generation, const std::string& plan, Deadline until) {
    const Fd file(::memfd_create("portier-plan", MFD_CLOEXEC));
    if (!file) return errno_code();
    if (::write(file.get(), plan.data(), plan.size()) != static_cast<ssize_t>(plan.size())) return errno_code(EIO);
    const int descriptor = file.get();
    const Header header{.type = LinkType::plan, .generation = generation};
    return send_patiently(link, std::as_bytes(std::span(&header, 1)), std::span(&descriptor, 1), until);
}

std::error_code send_stop(int link, std::chrono::milliseconds patience) {
    return send_header(link, {.type = LinkType::stop, .generation = static_cast<std::uint64_t>(patience.count())});
}

std::error_code send_ping(int link, std::uint64_t generation) {
    return send_header(link, {.type = LinkType::ping, .generation = generation});
}

std::error_code send_applied(int link, std::uint64_t generation) {
    return send_header(link, {.type = LinkType::applied, .generation = generation});
}

std::error_code send_demand(int link, std::uint32_t handler_row) {
    return send_header(link, {.type = LinkType::demand, .generation = handler_row});
}

std::error_code send_broken(int link, std::uint32_t process_row) {
    return send_header(link, {.type = LinkType::broken, .generation = process_row});
}

std::error_code send_spawn(int link, const SpawnRequest& request, int connection) {
    const Header header{.type = LinkType::spawn};
    std::array<std::byte, sizeof header + sizeof request> message;
    std::memcpy(message.data(), &header, sizeof header);
    std::memcpy(message.data() + sizeof header, &request, sizeof request);
    return net::send_message(link, message, std::span(&connection, 1));
}

std::error_code send_spawned_ended(int link, const SpawnEnd& end) {
    const struct {
        Header header;
        std::uint32_t numbers[2];
    } message{{.type = LinkType::spawned_ended, .count = 2, .generation = end.cookie},
              {end.handler, end.started ? 1u : 0u}};
    return net::send_message(link, std::as_bytes(std::span(&message, 1)));
}

LinkReceived receive_link(int link) {
    std::array<std::byte, sizeof(Header) + net::kMaxDescriptors * sizeof(std::uint32_t)> buffer;
    net::Received received = net::receive_message(link, buffer);
    if (received.error) return {received.error, std::nullopt};
    auto message = decode(std::span(buffer).first(received.size), std::move(received.descriptors));
    if (!message || received.descriptors_lost) return {errno_code(EBADMSG), std::nullopt};
    return {{}, std::move(message)};
}

LinkReceived receive_from_router(int link) {
    std::array<std::byte, sizeof(Header) + sizeof(SpawnRequest)> buffer;
    net::Received received = net::receive_message(link, buffer);
    std::optional<LinkMessage> message;
    if (!received.error) message = decode_from_router(std::span(buffer).first(received.size), received);
    if (!received.error && !message) received.error = errno_code(EBADMSG);
    if (message) return {{}, std::move(message)};
    return {received.error, std::nullopt, std::move(received.descriptors)};
}

}  // namespace portier::delivery

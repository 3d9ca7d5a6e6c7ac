// The words of the enumerators, taken from the tables so that they cannot differ from what the file says.
#include <stdexcept>

#include "config/fields.hpp"

namespace portier::config {

namespace {

template <typename Object>
const std::vector<std::string>& words_of(const Table<Object>& table, std::string_view key) {
    for (const Field& field : table.fields)
        if (field.key == key) return field.words;
    throw std::logic_error("no such field");
}

}  // namespace

const char* to_string(Protocol value) {
    return value == Protocol::tcp ? "tcp" : "udp";
}

const char* to_string(Delivery value) {
    switch (value) {
        case Delivery::handoff: return "handoff";
        case Delivery::inherit: return "inherit";
        case Delivery::relay: return "relay";
        case Delivery::spawn: return "spawn";
    }
    return "";
}

const char* to_string(Balance value) {
    static const std::vector<std::string>& words = words_of(handler_table(), "balance");
    return words.at(static_cast<std::size_t>(value)).c_str();
}

const char* to_string(OverLimit value) {
    switch (value) {
        case OverLimit::wait: return "wait";
        case OverLimit::reset: return "reset";
        case OverLimit::close: return "close";
    }
    return "";
}

const char* to_string(Dialect value) {
    switch (value) {
        case Dialect::portier: return "portier";
        case Dialect::node: return "node";
        case Dialect::haproxy: return "haproxy";
    }
    return "";
}

const char* to_string(Style value) {
    switch (value) {
        case Style::inetd: return "inetd";
        case Style::inetd_wait: return "inetd-wait";
        case Style::ucspi: return "ucspi";
        case Style::systemd: return "systemd";
    }
    return "";
}

const char* to_string(ProxyVersion value) {
    switch (value) {
        case ProxyVersion::v1: return "v1";
        case ProxyVersion::v2: return "v2";
    }
    return "";
}

const char* to_string(ProxyDatagrams value) {
    switch (value) {
        case ProxyDatagrams::every: return "every";
        case ProxyDatagrams::first: return "first";
    }
    return "";
}

const char* to_string(LogLevel value) {
    switch (value) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        case LogLevel::error: return "error";
    }
    return "";
}

bool router_accepts(const Handler& handler) {
    if (handler.delivery == Delivery::spawn) return handler.style != Style::inetd_wait;
    return handler.delivery != Delivery::inherit;
}

std::uint64_t default_max_flows(Delivery delivery) {
    return delivery == Delivery::handoff ? 4096 : 65536;
}

}  // namespace portier::config

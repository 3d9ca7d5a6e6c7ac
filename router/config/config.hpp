// The configuration as plain values, shaped like the YAML file (contract: config/README.md). load() reads and checks
// a file completely; what it returns is never changed afterwards. Any thread, but one load() at a
// time (getpwnam(3)); nothing here touches the network.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/endpoint.hpp"

namespace portier::config {

using Milliseconds = std::chrono::milliseconds;

// Where a value was written; line and column count from 1, 0 means "nowhere" (a default).
struct Mark {
    std::string file;
    int line = 0;
    int column = 0;
    bool operator==(const Mark&) const { return true; }  // moving a line is no change of the configuration
};

std::string to_string(const Mark& mark);  // FILE:LINE:COLUMN, of nowhere the file alone

// Enumerators are spelled like the YAML words and the metric labels ('-' becomes '_').
enum class Protocol { tcp, udp };
enum class Delivery { handoff, inherit, relay, spawn };
enum class Balance { round_robin, least_connections, source_hash, random_two };
enum class Dialect { portier, node, haproxy };
enum class Style { inetd, inetd_wait, ucspi, systemd };
enum class ProxyVersion { v1, v2 };
enum class ProxyDatagrams { every, first };
enum class Ready { immediate, notify };
enum class Start { always, on_demand };
enum class OverLimit { wait, reset, close };
enum class LogLevel { debug, info, warning, error };
enum class LogFormat { automatic, text, json };  // YAML: auto, text, json

const char* to_string(Protocol value);
const char* to_string(Delivery value);
const char* to_string(Balance value);
const char* to_string(OverLimit value);
const char* to_string(Dialect value);
const char* to_string(Style value);
const char* to_string(ProxyVersion value);
const char* to_string(ProxyDatagrams value);
const char* to_string(LogLevel value);

struct Limits {                               // setrlimit(2) of each process; empty: inherited
    std::optional<std::uint64_t> open_files;  // RLIMIT_NOFILE
    std::optional<std::uint64_t> memory;      // bytes, RLIMIT_AS
    std::optional<std::uint64_t> processes;   // RLIMIT_NPROC
    std::optional<std::uint64_t> core;        // bytes, RLIMIT_CORE
    std::optional<Milliseconds> cpu;          // whole seconds, RLIMIT_CPU
    bool operator==(const Limits&) const = default;
};

struct Restart {
    Milliseconds first{100};
    Milliseconds max{30000};
    bool operator==(const Restart&) const = default;
};

struct Stop {
    int signal = 15;  // YAML: a name, SIGTERM
    Milliseconds timeout{10000};
    bool operator==(const Stop&) const = default;
};

// Where a relay connects to: an entry of `connect`.
struct Backend {
    std::string text;  // as written, but a path absolute: "127.0.0.1:6379", "db.example.org:5432", "unix:/run/app.sock"
    Mark mark;
    std::string host;  // an address or a name; empty: a Unix socket
    std::uint16_t port = 0;
    std::string path;     // of a Unix socket, absolute
    unsigned weight = 1;  // 0: gets no new connections
    bool backup = false;
    std::uint64_t max_connections = 0;  // 0: no limit
    bool operator==(const Backend&) const = default;
};

struct Health {                // active checks: a TCP connect
    Milliseconds interval{0};  // 0: none
    Milliseconds timeout{1000};
    unsigned rise = 2;
    unsigned fall = 3;
    bool operator==(const Health&) const = default;
};

struct Queue {                 // connections that wait because every backend is at its limit
    std::uint64_t max = 1024;  // 0: refused at once
    Milliseconds timeout{10000};
    bool operator==(const Queue&) const = default;
};

struct Handler {
    std::string name;
    Mark mark;
    Delivery delivery = Delivery::handoff;
    std::vector<std::string> command;  // argv as written
    std::string program;               // absolute path, checked to be executable; YAML: also a name to look up
    unsigned processes = 1;            // 0: none that run all the time (spawn, a relay without command)
    Balance balance = Balance::round_robin;
    std::string user;   // empty: as portier itself
    std::string group;  // empty: the user's primary group
    std::map<std::string, std::string> env;
    std::string working_directory;  // absolute; not set: the configuration's folder
    Ready ready = Ready::immediate;
    Milliseconds ready_timeout{30000};
    Milliseconds watchdog{0};  // 0: none
    Limits limits;
    Restart restart;
    Stop stop;
    Start start = Start::always;
    Milliseconds stop_when_idle{0};      // 0: never
    Dialect dialect = Dialect::portier;  // handoff
    // relay
    std::vector<Backend> connect;
    Milliseconds connect_timeout{5000};
    unsigned attempts = 3;             // backends tried for one connection
    Milliseconds fail_timeout{10000};  // so long a backend that failed is passed over
    Health health;
    Queue queue;
    std::optional<net::Address> source_address;
    bool transparent = false;
    std::optional<ProxyVersion> proxy_protocol;
    ProxyDatagrams proxy_datagrams = ProxyDatagrams::every;
    // spawn
    Style style = Style::inetd;
    std::uint64_t max_processes = 64;
    std::uint64_t max_processes_per_source = 0;  // 0: no limit
    bool operator==(const Handler&) const = default;
};

struct TcpOptions {
    bool nodelay = true;
    std::optional<Milliseconds> keepalive;  // idle time before the first probe
    std::optional<Milliseconds> user_timeout;
    unsigned fast_open = 0;                    // queue length, 0: off
    std::optional<Milliseconds> defer_accept;  // whole seconds
    bool operator==(const TcpOptions&) const = default;
};

struct Network {  // CIDR
    net::Address address;
    unsigned prefix = 0;
    bool operator==(const Network&) const = default;
};

struct Rate {  // `count` in every `period`
    std::uint64_t count = 0;
    Milliseconds period{1000};
    bool operator==(const Rate&) const = default;
};

struct ProxyFrom {               // who sends a PROXY header to this port
    std::vector<Network> from;   // required from these, refused from others; empty: nobody does
    Milliseconds timeout{5000};  // for the header to come
    bool operator==(const ProxyFrom&) const = default;
};

struct Port {
    std::string key;  // as written, "7001/tcp": the value of the metric label `port`
    Mark mark;
    Protocol protocol = Protocol::tcp;
    std::optional<net::Address> address;  // empty: every address, IPv4 and IPv6
    std::uint16_t first = 0;
    std::uint16_t last = 0;  // == first unless a range
    std::string handler;
    unsigned backlog = 4096;
    TcpOptions tcp;
    // Admission: only where the router accepts (handoff); 0 or empty: no limit.
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_source = 0;
    std::optional<Rate> accept_rate;
    std::optional<Rate> accept_rate_per_source;
    std::vector<Network> allow;
    std::vector<Network> deny;
    OverLimit over_limit = OverLimit::wait;
    ProxyFrom proxy_protocol;
    Milliseconds idle_timeout{0};  // relay; 0: never
    // Flows (UDP, where the router reads).
    Milliseconds flow_idle{120000};
    std::optional<std::uint64_t> max_flows;  // not set: what default_max_flows() says
    std::uint64_t max_flows_per_source = 0;
    bool operator==(const Port&) const = default;
};

// Whether the router accepts (or reads the datagrams), and not the processes themselves.
bool router_accepts(const Handler& handler);

// Handed-off flows cost the kernel work on every new one (a socket each), relayed ones only memory.
std::uint64_t default_max_flows(Delivery delivery);

struct Admin {
    std::optional<net::Endpoint> listen;  // empty: no HTTP
    Mark listen_mark;
    bool expose = false;  // `listen` may be reachable from other machines
    std::string socket;   // absolute; empty: the default of --socket / $PORTIER_SOCKET
    Mark socket_mark;
    bool operator==(const Admin&) const = default;
};

struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    bool connections = false;
    bool operator==(const Log&) const = default;
};

struct Router {
    std::string user = "nobody";  // when started as root
    Mark user_mark;
    unsigned relay_threads = 0;  // 0 (YAML: auto): one for each processor
    Milliseconds drain_timeout{30000};
    Log log;
    bool operator==(const Router&) const = default;
};

struct Config {
    std::string file;                // as given
    std::string folder;              // absolute folder of `file`
    std::vector<std::string> files;  // `file` and everything included
    std::vector<Handler> handlers;   // in the order written
    std::vector<Port> ports;         // in the order written
    Admin admin;
    Router router;
};

enum class Severity { error, warning };

// One problem of a file, as a value. render() prints it compiler style.
struct Diagnostic {
    Severity severity = Severity::error;
    Mark mark;
    std::size_t length = 1;     // how many columns the caret underlines
    std::string key_path;       // "ports.7001/tcp.backlog"
    std::string message;        // "unknown key \"bcklog\""
    std::string hint;           // "did you mean \"backlog\"?", may be empty
    std::string source_line;    // the text of the offending line, of a very long one the part around the place
    int source_column = 0;      // where in source_line the caret stands, from 1
    std::optional<Mark> other;  // the second place (a duplicate's first)
    std::string other_line;
    int other_column = 0;
};

std::string render(const Diagnostic& diagnostic);  // several lines, each ended by '\n'

struct Loaded {
    std::optional<Config> config;         // empty when there is an error
    std::vector<Diagnostic> diagnostics;  // all of them, sorted by place; warnings too
};

// Never throws for what a file contains; a missing or unreadable file is a diagnostic as well.
Loaded load(const std::string& file);

std::string json_schema();                         // draft-07, for `portier schema`
std::string reference_markdown();                  // the generated part of config/README.md
std::string summary(const Config& config);         // "3 ports, 1 handler"; a range counts with all its numbers
std::string effective_yaml(const Config& config);  // `portier check --effective`: every value, defaults too
std::string effective_json(const Config& config);  // the same for programs, not to be loaded again

}  // namespace portier::config

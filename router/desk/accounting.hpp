// Accounting by the kernel's own word: who closed, how much moved, how long it took, for connections that processes
// hold and the router does not. Listens to the kernel's destroy events, keeps the ledger, and after lost events or a
// router's death compares it with a dump. Runs on the admin thread; the desk leaves its records in the board's queue.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "delivery/plan.hpp"
#include "desk/dump_pace.hpp"
#include "desk/ledger.hpp"
#include "desk/port_index.hpp"
#include "desk/proxied_ledger.hpp"
#include "desk/suspects.hpp"
#include "net/sock_diag.hpp"

namespace portier::desk {

using SourceCounts = std::map<net::Address, std::uint64_t>;  // by source_key()

class Accounting {
public:
    struct Hooks {
        // A connection of a port with a limit per source has ended: the desk wants to know.
        std::function<void(std::uint32_t port_row, const net::Address& source)> source_ended;
        // Connections that a router before us let in, to be added to the desk's counts.
        std::function<void(std::uint32_t port_row, const SourceCounts&)> sources_found;
        // After ends were lost: all there are, in place of the desk's counts. Who comes during the dump may be missing:
        // in doubt the limit is too generous.
        std::function<void(std::uint32_t port_row, const SourceCounts&)> sources_counted;
        // The socket of a flow is gone.
        std::function<void(std::uint32_t port_row, std::uint64_t cookie)> flow_ended;
    };

    // Settles the counts of a router before us that died. Must be done before the desk accepts anything.
    Accounting(boost::asio::io_context& io, metrics::Board& board, Hooks hooks);

    // `destroy_events`: the netlink socket, or an empty Fd when it did not change. If the plan has none, ends are found
    // by dumps: late, and for an unknown reason.
    void apply(const delivery::Plan& plan, Fd destroy_events);

private:
    void on_events();
    unsigned read_events();
    void gather_events();
    void watch_events();
    void drain_handovers();
    void schedule_drain();
    void on_handover(const metrics::Handover& record);
    void on_destroyed(const net::SocketReport& report);
    void count_end(net::SocketReport report, const Ledger::Entry& entry);
    void count_flow_end(const Ledger::Entry& entry, metrics::FlowClosed reason);
    void count_lost(const Ledger::Entry& entry);
    void settle_after_crash();
    enum class Cause { crash, lost_events };
    void schedule_resync(Cause cause, std::chrono::milliseconds delay = std::chrono::milliseconds(200));
    void resynchronise();
    void suspect_all_but(const std::unordered_set<std::uint64_t>& living, Cause cause);
    void schedule_verdict();
    void tell_sources(Cause cause, const std::map<std::uint32_t, SourceCounts>& sources) const;
    void dump_inherited();
    void leave_out_relayed(const PortIndex& before);
    void schedule_dump(std::chrono::milliseconds delay);
    void log_connection(const PortIndex::Port& port, const net::SocketReport& report, const Ledger::Entry& entry) const;

    boost::asio::io_context& io_;
    metrics::Board& board_;
    Hooks hooks_;
    Ledger ledger_;
    ProxiedLedger proxied_;
    PortIndex ports_;
    PortIndex flow_ports_;
    Fd events_;
    std::unique_ptr<Readable> readable_;
    Alarm next_read_;
    Alarm next_drain_;
    Alarm next_resync_;
    Alarm next_verdict_;
    Alarm next_dump_;
    std::vector<net::PortInterval> watched_;  // whose ends the kernel announces to us
    bool overran_ = false;                    // the kernel drops announcements until all others are read
    bool resync_due_ = false;                 // with the first plan
    std::optional<Cause> resync_cause_;       // of the one that is waiting
    bool verdict_pending_ = false;
    Suspects suspects_;
    std::unordered_set<std::uint64_t> relayed_;  // cookies of ports that are inherited now
    DumpPace resync_pace_, dump_pace_;
    std::unordered_set<std::uint64_t> not_at_desk_;  // cookies that the desk's counts by source lack
    std::uint64_t last_dump_ms_ = 0;
    bool log_connections_ = false;
};

// How a connection ended, from what the kernel reports of it. Why these rules hold: router/README.md, "Accounting".
metrics::Closed close_reason(const net::SocketReport& report);
// Bytes that the handler's side received, without the FIN that the kernel counts as one.
std::uint64_t received_bytes(const net::SocketReport& report);

}  // namespace portier::desk

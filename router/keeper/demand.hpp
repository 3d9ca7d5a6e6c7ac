// `start: on_demand` and `stop_when_idle`: wakes handlers whose processes accept for themselves when something arrives
// on their sockets (for the others the router asks), and puts processes to sleep that have had no connection for a
// while. Keeper's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/alarm.hpp"
#include "base/readable.hpp"
#include "keeper/pool.hpp"
#include "metrics/board.hpp"
#include "net/sock_diag.hpp"

namespace portier::keeper {

class Demand {
public:
    struct Events {
        std::function<void(const SlotKey& key)> wake;
        std::function<void(const SlotKey& key)> put_to_sleep;
    };

    Demand(boost::asio::io_context& io, metrics::Board& board, Events events);

    // The slots as they are now; called again whenever one changed.
    void assign(const std::vector<const Slot*>& slots);
    void stop();

private:
    struct Idler {
        std::uint32_t row;
        std::chrono::milliseconds patience;
        std::uint64_t busy_ms;  // when it last had a connection
        pid_t pid;
        std::vector<net::PortInterval> accepts_on;  // by itself
    };

    void watch_sockets(const Slot& slot, const std::set<int>& attended);
    static Idler make_idler(const Slot& slot, std::uint64_t busy_ms);
    static bool holds_a_connection(const Idler& idler);
    void check_idlers();

    boost::asio::io_context& io_;
    metrics::Board& board_;
    Events events_;
    std::map<int, std::unique_ptr<Readable>> sockets_;  // by descriptor: the processes of a pool share their listeners
    std::map<SlotKey, Idler> idlers_;
    Alarm next_check_;
};

}  // namespace portier::keeper

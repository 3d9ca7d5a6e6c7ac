// Reads every two seconds from /proc what the handler processes and the keeper itself use, and puts it on the board. It
// takes nothing from there: the router may write it, too. Keeper's thread only.
#pragma once

#include <functional>
#include <vector>

#include "base/alarm.hpp"
#include "keeper/handler_process.hpp"
#include "metrics/board.hpp"

namespace portier::keeper {

class Sampler {
public:
    using Processes = std::function<std::vector<const HandlerProcess*>()>;

    Sampler(boost::asio::io_context& io, metrics::Board& board, Processes processes);
    void start();
    void stop() { next_.cancel(); }

private:
    void sample();

    metrics::Board& board_;
    Processes processes_;
    Alarm next_;
};

}  // namespace portier::keeper

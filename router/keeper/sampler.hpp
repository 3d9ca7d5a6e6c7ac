// Reads every two seconds from /proc what the handler processes and the keeper itself use, and puts it on the board.
// Keeper's thread only.
#pragma once

#include "base/alarm.hpp"
#include "metrics/board.hpp"

namespace portier::keeper {

class Sampler {
public:
    Sampler(boost::asio::io_context& io, metrics::Board& board);
    void start();
    void stop() { next_.cancel(); }

private:
    void sample();

    metrics::Board& board_;
    Alarm next_;
};

}  // namespace portier::keeper

// Reads every two seconds from /proc what the handler processes and the keeper itself use, and puts it on the board.
// Keeper's thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "metrics/board.hpp"

namespace portier::keeper {

class Sampler {
public:
    Sampler(boost::asio::io_context& io, metrics::Board& board);
    void start();
    void stop() { timer_.cancel(); }

private:
    void sample();

    metrics::Board& board_;
    boost::asio::steady_timer timer_;
};

}  // namespace portier::keeper

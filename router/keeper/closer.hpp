// Closes what others have sent to the keeper. That may wait: for the client of a socket that lingers (socket(7)), for
// the server of a FUSE file, and for either that lies unread in a Unix socket. The keeper has one thread, and a second
// one is not safe where processes are started (setuid(2) of the C library takes a lock that the other may have held),
// so short-lived children do it, which end by themselves. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "base/readable.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

class Closer {
public:
    explicit Closer(boost::asio::io_context& io) : io_(io) {}

    // When this returns they are gone from this process. What waits longer than 5 s goes on in the kernel's background
    // if it can. With very many waiting already it happens here.
    void close(std::vector<Fd> foreign);
    // A Unix socket of ours: what others have sent and nobody has read is closed with it. Nothing more can be sent.
    void close_unix(Fd socket);

    // Takes the next message off `socket`, with all its descriptors, which never come into this process: even a copy
    // that is not the last one makes close(2) wait where the file has something to flush. The end of the pipe that is
    // returned says that the message is gone; no pipe: try again later.
    Fd discard_message(int socket);

    bool owns(pid_t pid) const { return children_.contains(pid); }
    bool idle() const { return children_.empty(); }

private:
    struct Running {
        proc::Child child;
        std::unique_ptr<Readable> exit;
    };

    void watch(proc::Child child);

    boost::asio::io_context& io_;
    std::map<pid_t, Running> children_;
};

}  // namespace portier::keeper

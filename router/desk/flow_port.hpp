// The shared socket of a UDP port whose flows are handed off: reads the first datagrams of flows that no process has
// yet, makes a connected socket for each and gives it to the handler's delivery with these datagrams. What is sent from
// then on the kernel puts into that socket. Desk thread only.
//
// Between bind and connect the new socket also gets what other clients send, and what its own client sends may still go
// to the shared socket or to another new one. Nothing is lost, doubled or reordered because all of them settle first: a
// datagram may be on its way to a socket that the kernel had chosen before. Then each is read empty, and what came for
// a flow is put into the order in which the kernel took it in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <system_error>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "desk/listener.hpp"
#include "net/datagrams.hpp"

namespace portier::desk {

class FlowPort {
public:
    // `number` is the socket's on the link to the keeper. `reader` is used within calls only, so one serves all ports.
    FlowPort(boost::asio::io_context& io, net::DatagramReader& reader, std::uint32_t number, std::shared_ptr<Fd> socket,
             PortState& port);

    // Goes on with what waits. Called whenever a reason to pause may be over.
    void resume();
    // Takes in what waits now: the last act of a port that is removed.
    void finish();
    // After finish(), if it is another port: what waits is known to the one before.
    void set_port(PortState& port);
    const PortState& port() const { return *port_; }

private:
    void serve();
    bool connect_waiting();
    void starve();
    void wait_for_an_end();
    void give_up_waiting();
    void receive_batch(const net::Address* local);
    void read_all(int socket, const net::Address* local = nullptr);
    void receive(const FlowKey& key, const net::Datagram& datagram);
    void open(const FlowKey& key, const net::Datagram& datagram);
    void append(WaitingFlow& flow, const net::Datagram& datagram);
    bool make_socket(const FlowKey& key);
    void hand_over_settled();
    void read_new(int socket, const net::Address& local);
    void hand_over(const FlowKey& key, Fd socket);
    void drop(const FlowKey& key, metrics::Dropped reason);
    void count(metrics::Dropped reason, std::uint64_t datagrams = 1);

    net::DatagramReader& reader_;
    std::uint32_t number_;
    std::shared_ptr<Fd> socket_;
    PortState* port_;
    std::uint16_t local_port_;
    // A flow with a connected socket that waits for datagrams which the kernel was just putting somewhere.
    struct Settling {
        FlowKey key;
        Fd socket;
    };

    std::vector<Settling> settling_;
    bool finishing_ = false;
    Alarm settled_;
    std::deque<FlowKey> waiting_;  // in the order in which their first datagrams came
    Readable readable_;
    Alarm next_;      // resume()
    Alarm patience_;  // for an end that makes room
};

}  // namespace portier::desk

// Requests is the modes crr, rr and udp: one request and its answer after the other, on connections that stay (rr,
// udp) or on a new one each time (crr, udp --new-flow-per-request). An operation ends when its answer is here or the
// connection failed; a connection that failed is made again by the next operation.
#pragma once

#include "mode.hpp"
#include "slot_queue.hpp"

namespace portier::guests {

class Requests final : public Mode {
public:
    explicit Requests(const Context& context);

    void release(std::int64_t now) override;
    void stop() override { pacer_.stop(); }
    bool finished(std::int64_t now) const override;
    std::int64_t wakeup_ns(std::int64_t now) const override;

protected:
    void on_opened(Connection& connection, Outcome outcome) override;
    void on_io(Connection& connection, std::uint32_t events) override;
    void on_deadline(Connection& connection) override;
    void proceed(std::int64_t now) override;
    std::uint64_t unfinished() const override;

private:
    void begin(Connection& connection, std::int64_t now);
    void settle(Connection& connection, Outcome outcome);
    void keep_or_close(Connection& connection, Outcome outcome);

    const bool keeps_connections_;
    Pacer pacer_;
    SlotQueue free_;
    bool released_ = false;
    std::uint64_t active_ = 0;
};

}  // namespace portier::guests

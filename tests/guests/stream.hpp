// Stream is the mode stream: every connection sends as fast as the other side takes it and compares what comes back
// with what was sent at that place. An operation is a connection: it is ok when every byte sent came back.
#pragma once

#include "mode.hpp"

namespace portier::guests {

class Stream final : public Mode {
public:
    explicit Stream(const Context& context);

    void release(std::int64_t now) override;
    void stop() override { stopped_ = true; }
    bool finished(std::int64_t now) const override;

protected:
    void on_opened(Connection& connection, Outcome outcome) override;
    void on_io(Connection& connection, std::uint32_t events) override;
    void on_deadline(Connection& connection) override;
    void proceed(std::int64_t now) override;
    std::uint64_t unfinished() const override;

private:
    // Bytes that this connection may still send; 0 when the time is over.
    std::uint64_t left_to_send(const Connection& connection) const;
    Ending send_some(Connection& connection);
    Ending receive_some(Connection& connection);
    void end(Connection& connection, Outcome outcome);

    std::vector<std::byte> in_;
    bool released_ = false;
    bool stopped_ = false;
    bool time_is_over_ = false;
    std::uint64_t ended_ = 0;
};

}  // namespace portier::guests

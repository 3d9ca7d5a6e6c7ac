// Hold is the mode hold: opens its connections and keeps them, notices every one that breaks meanwhile, and when the
// gate opens asks on every one that is left and compares the answer; only then it closes them all. An operation is a
// connection: it ends once, with the last answer or with what broke it.
#pragma once

#include "mode.hpp"

namespace portier::guests {

class Hold final : public Mode {
public:
    explicit Hold(const Context& context);

    bool ready() const override { return opened() && asking_ == 0; }
    void release(std::int64_t now) override;
    void stop() override {}
    bool finished(std::int64_t now) const override;

protected:
    void on_opened(Connection& connection, Outcome outcome) override;
    void on_io(Connection& connection, std::uint32_t events) override;
    void on_deadline(Connection& connection) override;
    void proceed(std::int64_t now) override;
    // A server that accepts late says so by answering late: without this, its accept queue would overflow.
    std::uint32_t settling() const override { return asking_; }
    std::uint64_t unfinished() const override;

private:
    void ask(Connection& connection);
    void answered(Connection& connection);
    void lose(Connection& connection, Outcome outcome);

    bool released_ = false;
    std::uint32_t window_;
    std::uint32_t next_to_check_ = 0;
    std::uint32_t asking_ = 0;
    std::uint64_t ended_ = 0;
};

}  // namespace portier::guests

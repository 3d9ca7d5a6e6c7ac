#include "delivery/relay/outbox.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace portier::delivery {

namespace {

bool is_urgent(const RelayReport& report) {
    return report.state == RelayPair::State::not_connected || (report.ticket && report.owner->in_a_hurry);
}

}  // namespace

RelayOutbox::RelayOutbox(boost::asio::io_context& desk, std::function<void(RelayReport&)> tell)
    : desk_(desk), tell_(std::move(tell)), alarm_(desk) {}

void RelayOutbox::put(std::vector<RelayReport> reports) {
    const bool urgent = std::any_of(reports.begin(), reports.end(), is_urgent);
    reports_.put(std::move(reports));
    if (urgent)
        wake();
    else if (!gathering_.exchange(true))
        boost::asio::post(desk_, [this] { gather(); });
}

void RelayOutbox::wake() {
    if (waking_.exchange(true)) return;
    boost::asio::post(desk_, [this] {
        waking_ = false;
        tell_all();
    });
}

// As long as more come the desk comes by itself; afterwards it waits to be woken again.
void RelayOutbox::gather() {
    alarm_.set(kGathering, [this] {
        if (tell_all()) return gather();
        gathering_ = false;
        tell_all();  // what was put while this still said true
    });
}

// Who is told may ask again: then what came meanwhile waits for its turn, so that the order stays.
bool RelayOutbox::tell_all() {
    if (telling_ || reports_.empty()) return false;
    telling_ = true;
    for (auto& batch : reports_.take_all())
        for (RelayReport& report : batch) tell_(report);
    telling_ = false;
    return true;
}

}  // namespace portier::delivery

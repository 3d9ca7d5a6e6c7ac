#include "keeper/spawner.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/socket.hpp"

namespace portier::keeper {

Spawner::Spawner(boost::asio::io_context& io, metrics::Board& board, Rows& rows,
                 std::function<void(const delivery::SpawnEnd&)> ended)
    : rows_(rows),
      context_{.io = io,
               .board = board,
               .reports = reports_,
               .ended = [this, &io, ended = std::move(ended)](const delivery::SpawnEnd& end) {
                   ended(end);
                   // Not now: the handler that says this may be one of them.
                   if (!leaving_.empty()) boost::asio::post(io, [this] { clear_leaving(); });
               }} {}

void Spawner::assign(const config::Config& config) {
    gone_.clear();
    for (const auto& [row, handler] : handlers_) gone_.insert(row);
    for (const config::Handler& handler : config.handlers) {
        if (handler.delivery != config::Delivery::spawn || !config::router_accepts(handler)) continue;
        const std::uint32_t row = rows_.handler(handler.name);
        gone_.erase(row);
        std::unique_ptr<SpawnedHandler>& present = handlers_[row];
        if (present)
            present->configure(handler);
        else
            present = std::make_unique<SpawnedHandler>(context_, row, handler);
    }
}

void Spawner::settle(std::chrono::milliseconds patience) {
    for (const std::uint32_t row : std::exchange(gone_, {})) put_aside(row, patience);
    for (auto& [row, handler] : handlers_) handler->settle();
}

void Spawner::put_aside(std::uint32_t row, std::chrono::milliseconds patience) {
    auto handler = handlers_.extract(row);
    if (handler.mapped()->idle()) return;
    handler.mapped()->drain(patience);
    leaving_.push_back(std::move(handler.mapped()));
}

void Spawner::clear_leaving() {
    leaving_.remove_if([](const auto& handler) { return handler->idle(); });
    if (leaving_.empty() && on_stopped_) std::exchange(on_stopped_, nullptr)();
}

bool Spawner::start(const delivery::SpawnRequest& request, Fd connection) {
    const auto handler = handlers_.find(request.handler);
    if (handler == handlers_.end() || !handler->second->may_start(request.cookie)) {
        net::close_at_once(std::move(connection));
        return false;
    }
    handler->second->start(request, std::move(connection));
    return true;
}

std::vector<delivery::RunningPlan> Spawner::running(std::uint32_t row) const {
    std::vector<delivery::RunningPlan> result;
    const auto add = [&](const SpawnedHandler& handler) {
        const auto more = handler.running();
        result.insert(result.end(), more.begin(), more.end());
    };
    if (const auto found = handlers_.find(row); found != handlers_.end()) add(*found->second);
    for (const auto& handler : leaving_)
        if (handler->row() == row) add(*handler);
    return result;
}

bool Spawner::owns(pid_t pid) const {
    return std::any_of(handlers_.begin(), handlers_.end(),
                       [pid](const auto& item) { return item.second->owns(pid); }) ||
           std::any_of(leaving_.begin(), leaving_.end(), [pid](const auto& handler) { return handler->owns(pid); });
}

void Spawner::stop(std::chrono::milliseconds patience, std::function<void()> ended) {
    on_stopped_ = std::move(ended);
    while (!handlers_.empty()) put_aside(handlers_.begin()->first, patience);
    boost::asio::post(context_.io, [this] { clear_leaving(); });
}

void Spawner::hurry() {
    for (auto& handler : leaving_) handler->stop();
}

}  // namespace portier::keeper

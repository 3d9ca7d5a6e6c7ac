// The names that relays connect to become addresses, at the start and by each reload. The looking up is done by a
// helper process: it blocks, and it reads what comes from the network. Keeper's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/alarm.hpp"
#include "base/fd.hpp"
#include "base/readable.hpp"
#include "config/config.hpp"
#include "net/endpoint.hpp"
#include "proc/spawn.hpp"

namespace portier::keeper {

using Addresses = std::map<std::string, std::vector<net::Address>>;  // by name, sorted

class Resolver {
public:
    // `problem` is empty when all went well; else it has a line for each name that has no address, with its place.
    using Done = std::function<void(const Addresses& addresses, const std::string& problem)>;

    static constexpr std::chrono::milliseconds kDeadline{5000};

    // `helper` is started with the names behind its arguments and answers as main/lookup_role says.
    Resolver(boost::asio::io_context& io, proc::Command helper, std::chrono::milliseconds deadline = kDeadline);
    ~Resolver() { cancel(); }

    // Every name that `config` connects to. Throws std::runtime_error with what `problem` would be, std::system_error
    // when the helper cannot be started.
    Addresses resolve_now(const config::Config& config);

    // The same without waiting; calls back once: at once when there is no name, else from the event loop. Another
    // resolve() or cancel() before that drops it. Throws std::system_error.
    void resolve(const config::Config& config, Done done);
    void cancel();

    bool owns(pid_t pid) const { return running_ && running_->child.pid == pid; }

private:
    struct Running {
        std::map<std::string, config::Mark> wanted;  // each name with the first place that it stands at
        proc::Child child;
        Fd output;
        std::string text;
        bool too_late = false;
    };
    struct Outcome {
        Addresses addresses;
        std::string problem;
    };

    void start(std::map<std::string, config::Mark> wanted);
    bool read_all();
    Outcome finish();
    void on_readable();

    boost::asio::io_context& io_;
    proc::Command helper_;
    std::chrono::milliseconds deadline_;
    std::unique_ptr<Running> running_;
    std::unique_ptr<Readable> readable_;
    Alarm too_late_;
    Done done_;
};

// The helper: this program in its role `lookup`, as `user` unless that is empty. `executable` stays open as long as the
// command is used.
proc::Command lookup_helper(int executable, const std::string& user);

}  // namespace portier::keeper

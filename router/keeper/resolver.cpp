#include "keeper/resolver.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace portier::keeper {

namespace {

constexpr std::size_t kMostText = 4 << 20;
constexpr std::size_t kMostAddresses = 64;  // of one name

std::map<std::string, config::Mark> names_in(const config::Config& config) {
    std::map<std::string, config::Mark> names;
    for (const config::Handler& handler : config.handlers)
        for (const config::Backend& backend : handler.connect)
            if (!backend.host.empty() && !net::parse_address(backend.host)) names.emplace(backend.host, backend.mark);
    return names;
}

// What the helper said of each name: its addresses, or after "!" why there are none.
std::map<std::string, std::string> answers_in(const std::string& text) {
    std::map<std::string, std::string> answers;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = line.find(' ');
        if (blank != std::string::npos) answers[line.substr(0, blank)] = line.substr(blank + 1);
    }
    return answers;
}

std::vector<net::Address> addresses_in(const std::string& answer) {
    std::vector<net::Address> addresses;
    std::istringstream words(answer);
    for (std::string word; words >> word && addresses.size() < kMostAddresses;)
        if (const auto address = net::parse_address(word)) addresses.push_back(*address);
    return addresses;
}

std::string problem_line(const config::Mark& mark, const std::string& name, const std::string& why) {
    return mark.file + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": the name " + name +
           " has no address: " + escape(why) + "\n";
}

}  // namespace

Resolver::Resolver(boost::asio::io_context& io, proc::Command helper, std::chrono::milliseconds deadline)
    : io_(io), helper_(std::move(helper)), deadline_(deadline), too_late_(io) {}

Addresses Resolver::resolve_now(const config::Config& config) {
    cancel();
    auto wanted = names_in(config);
    if (wanted.empty()) return {};
    start(std::move(wanted));
    const std::uint64_t end = monotonic_milliseconds() + static_cast<std::uint64_t>(deadline_.count());
    while (!read_all()) {
        const std::uint64_t now = monotonic_milliseconds();
        running_->too_late = now >= end;
        if (running_->too_late) break;
        pollfd waiting{running_->output.get(), POLLIN, 0};
        ::poll(&waiting, 1, static_cast<int>(end - now));
    }
    Outcome outcome = finish();
    if (!outcome.problem.empty()) {
        outcome.problem.pop_back();  // the last line's end
        throw std::runtime_error(outcome.problem);
    }
    return std::move(outcome.addresses);
}

void Resolver::resolve(const config::Config& config, Done done) {
    cancel();
    auto wanted = names_in(config);
    if (wanted.empty()) return done({}, "");
    start(std::move(wanted));
    done_ = std::move(done);
    readable_ = std::make_unique<Readable>(io_, running_->output.get(), [this] { on_readable(); });
    readable_->wait();
    too_late_.set(deadline_, [this] {
        running_->too_late = true;
        on_readable();
    });
}

void Resolver::cancel() {
    readable_.reset();
    too_late_.cancel();
    done_ = nullptr;
    if (!running_) return;
    proc::kill_group(running_->child, SIGKILL);
    proc::reap(running_->child);
    running_.reset();
}

void Resolver::start(std::map<std::string, config::Mark> wanted) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw_errno("pipe");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0) throw_errno("fcntl");
    proc::Command command = helper_;
    for (const auto& [name, mark] : wanted) command.argv.push_back(name);
    command.descriptors = {{STDOUT_FILENO, theirs.get()}, {STDERR_FILENO, STDERR_FILENO}};
    running_ = std::make_unique<Running>(Running{
        .wanted = std::move(wanted), .child = proc::spawn(command, "lookup"), .output = std::move(ours), .text = {}});
}

// True: the helper has nothing more to say.
bool Resolver::read_all() {
    char buffer[4096];
    for (;;) {
        const ssize_t size = ::read(running_->output.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno != EAGAIN;
        if (size == 0) return true;
        running_->text.append(buffer, static_cast<std::size_t>(size));
        if (running_->text.size() > kMostText) return true;
    }
}

Resolver::Outcome Resolver::finish() {
    const Running& running = *running_;
    Outcome outcome;
    auto answers = answers_in(running.text);
    const std::string silence = running.too_late ? "no answer within " + std::to_string(deadline_.count()) + "ms"
                                                 : "the lookup process ended without an answer";
    for (const auto& [name, mark] : running.wanted) {
        const std::string& answer = answers.try_emplace(name, "! " + silence).first->second;
        auto addresses = addresses_in(answer);
        if (answer.starts_with("! ") || addresses.empty())
            outcome.problem += problem_line(mark, name, answer.substr(std::min<std::size_t>(2, answer.size())));
        else
            outcome.addresses.emplace(name, std::move(addresses));
    }
    cancel();
    return outcome;
}

void Resolver::on_readable() {
    if (!read_all() && !running_->too_late) return readable_->wait();
    const Done done = std::move(done_);
    const Outcome outcome = finish();
    done(outcome.addresses, outcome.problem);
}

proc::Command lookup_helper(int executable, const std::string& user) {
    proc::Command command;
    command.program = "/proc/self/exe";
    command.executable = executable;
    command.argv = {"portier", "lookup"};
    // RES_OPTIONS and the like are the operator's way to tell the resolver (resolv.conf(5)).
    for (const char* inherited : {"LANG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                  "TSAN_OPTIONS", "LSAN_OPTIONS"})
        if (const char* value = ::getenv(inherited)) command.environment[inherited] = value;
    command.working_directory = "/";
    command.parent_death_signal = SIGKILL;
    command.drop_capabilities = true;
    if (user.empty()) return command;
    command.identity = proc::find_identity(user, "");
    if (!command.identity) throw_errno("lookup: no user " + user, EINVAL);
    command.identity->groups.clear();
    return command;
}

}  // namespace portier::keeper

#include "arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "defaults.hpp"
#include "values.hpp"

namespace portier::guests {
namespace {

template <typename Value, typename Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Value& value, Parse parse, const std::string& help) {
    const auto set = [&value, parse, name, help](const std::string& text) {
        const auto parsed = parse(text);
        if (!parsed) throw CLI::ValidationError(name, "cannot be '" + text + "'; it is: " + help);
        value = *parsed;
    };
    return app.add_option_function<std::string>(name, set, help);
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, Nanoseconds& value, const std::string& help) {
    return add_parsed(app, name, value, parse_duration, help)->type_name("DURATION");
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& value, const std::string& help) {
    return add_parsed(app, name, value, parse_size, help)->type_name("SIZE");
}

std::optional<Output> parse_output(std::string_view text) {
    if (text == "text") return Output::text;
    if (text == "json") return Output::json;
    return {};
}

// A whole number from 1 on; the help shows N instead of the type and its range.
CLI::Option* add_count(CLI::App& app, const std::string& name, std::uint32_t& value, const std::string& help) {
    return app.add_option(name, value, help)->check(CLI::Range(1U, 10'000'000U).description(""))->type_name("N");
}

void add_common(CLI::App& app, Options& options) {
    add_parsed(app, "target", options.target, parse_endpoint,
               "the echo server, as in 127.0.0.1:7005 or [::1]:7005; names are not looked up")
        ->required()
        ->type_name("ADDRESS:PORT");
    add_duration(app, "--timeout", options.timeout, "of one connect or one answer (default 10s)");
    add_duration(app, "--limit", options.limit, "of the whole run; what is not done by then has failed");
    add_count(app, "--processes", options.processes, "at least so many; more when the connections need them");
    add_count(
        app, "--sources", options.sources,
        "127/8 source addresses to spread over (IPv4 loopback only; default 1 for 10000 connections, and at least "
        "64 when each request makes a new one)");
    app.add_option("--seed", options.seed, "of the bytes that are sent (default 1)")->type_name("N");
    add_parsed(app, "-o,--output", options.output, parse_output, "text (default) or json")->type_name("FORMAT");
}

void add_request_size(CLI::App& app, Options& options) {
    add_size(app, "--size", options.size, "of a request (default 64)");
}

void add_rate(CLI::App& app, Options& options, const std::string& what) {
    app.add_option("--rate", options.rate,
                   "open loop: begin so many " + what + " per second, however late the answers are")
        ->check(CLI::Range(0.001, 1e9).description(""))
        ->type_name("R");
}

CLI::Option* add_until_stdin(CLI::App& app, Options& options, const std::string& help) {
    return app.add_flag("--until-stdin", options.until_stdin, help);
}

void add_end(CLI::App& app, const std::string& total, Options& options) {
    add_duration(app, "--duration", options.duration, "default 10s, or until " + total + " is reached");
    add_until_stdin(app, options, "print 'running' and stop when a line or the end of the input comes");
}

void add_duration_and_total(CLI::App& app, const std::string& total, Options& options) {
    add_end(app, total, options);
    app.add_option(total, options.total, "stop after so many")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""))
        ->type_name("N");
}

void add_hold(CLI::App& app, Options& options) {
    add_count(app, "--connections", options.slots, "to open and keep (default 100)");
    add_count(app, "--concurrency", options.opening, "opened, and later checked, at the same time (default 256)");
    auto* duration = add_duration(app, "--for", options.duration, "keep them so long before the last check");
    add_until_stdin(app, options, "print 'holding N' and keep them until a line or the end of the input comes")
        ->excludes(duration);
    app.add_flag("--greet", options.greet, "also check an answer right after connecting");
    add_rate(app, options, "connections");
}

void add_requests(CLI::App& crr, CLI::App& rr, Options& options) {
    add_count(crr, "--concurrency", options.slots, "connections at the same time (default 100)");
    add_duration_and_total(crr, "--connections", options);
    add_rate(crr, options, "connections");
    add_count(rr, "--connections", options.slots, "that stay open (default 100)");
    add_duration_and_total(rr, "--requests", options);
    add_rate(rr, options, "requests");
}

void add_udp(CLI::App& app, Options& options) {
    add_count(app, "--flows", options.slots, "at the same time (default 100)");
    app.add_flag("--new-flow-per-request", options.new_flow_per_request, "a new socket for each request");
    add_duration_and_total(app, "--requests", options);
    add_rate(app, options, "requests");
}

void add_stream(CLI::App& app, Options& options) {
    add_count(app, "--connections", options.slots, "at the same time (default 1)");
    add_end(app, "--bytes", options);
    add_size(app, "--bytes", options.total, "each way on each connection");
    add_size(app, "--size", options.size, "of one write (default 128KiB)");
}

std::variant<Options, Exit> parse(CLI::App& app, Options& options, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return Exit{app.exit(error) == 0 ? 0 : 2};
    }
    fill_in_defaults(options);
    if (const auto wrong = complaint_about(options)) {
        std::cerr << *wrong << "\n";
        return Exit{2};
    }
    return options;
}

}  // namespace

std::variant<Options, Exit> parse_arguments(int argc, char** argv) {
    Options options;
    CLI::App app("guests: visits an echo server in many ways and checks every answer", "guests");
    app.require_subcommand(1);
    const auto mode = [&](const char* help, ModeName name) {
        CLI::App* sub = app.add_subcommand(to_string(name), help);
        sub->preparse_callback([&options, name](std::size_t) {
            options.mode = name;
            if (name == ModeName::stream) options.slots = 1;
            if (name == ModeName::stream) options.size = 128UL * 1024;
        });
        add_common(*sub, options);
        return sub;
    };
    CLI::App* hold = mode("open connections, keep them, check every one at the end", ModeName::hold);
    CLI::App* crr = mode("connect, request, close", ModeName::crr);
    CLI::App* rr = mode("requests on connections that stay open", ModeName::rr);
    CLI::App* stream = mode("bulk bytes both ways", ModeName::stream);
    CLI::App* udp = mode("datagrams on many flows", ModeName::udp);
    for (CLI::App* app_with_size : {hold, crr, rr, udp}) add_request_size(*app_with_size, options);
    add_hold(*hold, options);
    add_requests(*crr, *rr, options);
    add_stream(*stream, options);
    add_udp(*udp, options);
    return parse(app, options, argc, argv);
}

}  // namespace portier::guests

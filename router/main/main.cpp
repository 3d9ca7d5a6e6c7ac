// portier's command line: one subcommand a function, exit codes 0 done, 1 failed, 2 bad usage or bad configuration.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "main/client.hpp"
#include "main/lookup_role.hpp"
#include "main/router_role.hpp"
#include "main/run.hpp"

namespace {

struct Options {
    portier::RunOptions run;
    portier::ClientOptions client;
    std::string output = "text";
    std::string log_level = "info";
    std::vector<std::string> names;
    bool log_json = false;
    bool effective = false;
    bool describe = false;
};

CLI::App* add_output(CLI::App* command, Options& options) {
    command->add_option("-o,--output", options.output, "text (the default) or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->type_name("FORMAT");
    return command;
}

CLI::App* add_socket(CLI::App* command, Options& options) {
    command
        ->add_option("--socket", options.client.socket,
                     "the command socket; by default $PORTIER_SOCKET, else /run/portier/portier.sock for root and "
                     "portier.sock in $XDG_RUNTIME_DIR or /tmp/portier-UID for others")
        ->type_name("PATH");
    return command;
}

// Both may stand before any command, and are accepted by those that have no use for them.
void add_common(CLI::App& app, Options& options) {
    app.set_version_flag("--version", std::string("portier ") + portier::kVersion);
    add_output(&app, options);
    add_socket(&app, options);
    for (const char* name : {"--output", "--socket"}) app.get_option(name)->group("");
    app.fallthrough();
}

// -o before a command is read whatever the command is; here it would be ignored.
int refuse_json_of_run() {
    std::cerr << "portier: run has no -o; the form of its log is router.log.format in the configuration\n";
    return 2;
}

void add_commands(CLI::App& app, Options& options, std::function<int()>& chosen) {
    const auto json = [&options] { return options.output == "json"; };
    const auto client = [&options, json] {
        portier::ClientOptions result = options.client;
        result.json = json();
        return result;
    };
    const auto add = [&](const char* name, const char* help, std::function<int()> action) {
        CLI::App* command = app.add_subcommand(name, help);
        command->callback([&chosen, action = std::move(action)] { chosen = action; });
        return command;
    };
    const auto prints = [&](CLI::App* command) { return add_output(command, options); };
    const auto talks = [&](CLI::App* command) { return add_socket(command, options); };
    talks(add("run", "Run in the foreground; logs go to stderr",
              [&options, json] {
                  if (json()) return refuse_json_of_run();
                  options.run.socket = options.client.socket;
                  return portier::run(options.run);
              }))
        ->add_option("FILE", options.run.file, "the configuration")
        ->required();
    CLI::App* check = prints(add("check", "Check a configuration without touching anything", [&options, json] {
        return portier::check(options.run.file, options.effective, json());
    }));
    check->add_option("FILE", options.run.file, "the configuration")->required();
    check->add_flag("--effective", options.effective, "print every value, defaults too");
    talks(prints(add("reload", "Read the configuration again and put it in force, all or nothing", [client] {
        return portier::reload(client());
    })))->add_flag("--dry-run", options.client.dry_run, "only say what would change, or why it would be refused");
    talks(prints(add("status", "Ports, handlers and processes now", [client] { return portier::status(client()); })));
    talks(prints(
        add("stop", "Deliver what waits, drain the handlers, end", [client] { return portier::stop(client()); })));
    add("schema", "The JSON Schema of the configuration", [] { return portier::schema(); });
    prints(add("metrics", "The metrics that portier exports", [json] { return portier::describe_metrics(json()); }))
        ->add_flag("--describe", options.describe, "name, labels, type and meaning of each")
        ->required();
    prints(add("version", "The version", [json] { return portier::version(json()); }));
}

void add_router_role(CLI::App& app, Options& options, std::function<int()>& chosen) {
    CLI::App* router = app.add_subcommand("router", "")->group("");  // hidden: the keeper starts it
    router->add_option("--log-level", options.log_level);
    router->add_flag("--log-json", options.log_json);
    router->callback([&options, &chosen] {
        chosen = [&options] {
            const auto least = portier::log_severity(options.log_level);
            portier::set_up_log({.least = least, .json = options.log_json, .role = "router"});
            return portier::run_router();
        };
    });
}

void add_lookup_role(CLI::App& app, Options& options, std::function<int()>& chosen) {
    CLI::App* lookup = app.add_subcommand("lookup", "")->group("");  // hidden: the keeper starts it
    lookup->add_option("NAME", options.names);
    lookup->callback([&options, &chosen] { chosen = [&options] { return portier::run_lookup(options.names); }; });
}

// The complaint about a word that is no command, which CLI11 would not name; empty: it is one, or an option.
std::string unknown_command(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_name() == word) return "";
        if (!command->get_group().empty()) names.push_back(command->get_name());
    }
    if (word.starts_with("-")) return "";
    const auto near = portier::nearest(word, names);
    return "unknown command \"" + word + "\"" + (near ? "; did you mean \"" + *near + "\"?" : "");
}

// A descriptor of ours with the number of a closed standard stream would get what is meant for that stream.
void open_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));
}

// Data that did not arrive is a failure, whatever the command did.
int finished(int code) {
    if (std::cout.flush()) return code;
    std::cerr << "portier: cannot write to stdout\n";
    return code == 0 ? 1 : code;
}

}  // namespace

int main(int argc, char** argv) {
    open_standard_streams();
    CLI::App app("portier: owns ports and hands every connection to the right process");
    app.require_subcommand(1);
    Options options;
    std::function<int()> chosen;
    add_common(app, options);
    add_commands(app, options, chosen);
    add_router_role(app, options, chosen);
    add_lookup_role(app, options, chosen);
    if (const std::string complaint = argc > 1 ? unknown_command(app, argv[1]) : ""; !complaint.empty()) {
        std::cerr << "portier: " << complaint << "\nRun with --help for more information.\n";
        return 2;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return finished(app.exit(error) == 0 ? 0 : 2);
    }
    try {
        return finished(chosen());
    } catch (const std::exception& error) {
        std::cerr << "portier: " << portier::printable(error.what()) << "\n";
        return 1;
    }
}

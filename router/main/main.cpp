// portier's command line: one subcommand a function, exit codes 0 done, 1 failed, 2 bad usage or bad configuration.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "main/client.hpp"
#include "main/router_role.hpp"
#include "main/run.hpp"

namespace {

struct Options {
    portier::RunOptions run;
    portier::ClientOptions client;
    std::string output = "text";
    std::string log_level = "info";
    bool log_json = false;
    bool effective = false;
    bool describe = false;
};

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
        command->add_option("-o,--output", options.output, "text or json")->check(CLI::IsMember({"text", "json"}));
        command->add_option("--socket", options.client.socket, "the command socket of the running portier");
        return command;
    };
    add("run", "Run in the foreground; logs go to stderr", [&options] {
        options.run.socket = options.client.socket;
        return portier::run(options.run);
    })->add_option("FILE", options.run.file, "the configuration")->required();
    CLI::App* check = add("check", "Check a configuration without touching anything",
                          [&options, json] { return portier::check(options.run.file, options.effective, json()); });
    check->add_option("FILE", options.run.file, "the configuration")->required();
    check->add_flag("--effective", options.effective, "print every value, defaults too");
    add("reload", "Read the configuration again and put it in force, all or nothing",
        [client] { return portier::reload(client()); })
        ->add_flag("--dry-run", options.client.dry_run, "only say what would change, or why it would be refused");
    add("status", "Ports, handlers and processes now", [client] { return portier::status(client()); });
    add("stop", "Deliver what waits, drain the handlers, end", [client] { return portier::stop(client()); });
    add("schema", "The JSON Schema of the configuration", [] { return portier::schema(); });
    add("metrics", "The metrics that portier exports", [json] { return portier::describe_metrics(json()); })
        ->add_flag("--describe", options.describe, "name, labels, type and meaning of each")
        ->required();
    add("version", "The version", [json] { return portier::version(json()); });
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

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("portier: owns ports and hands every connection to the right process");
    app.require_subcommand(1);
    Options options;
    std::function<int()> chosen;
    add_commands(app, options, chosen);
    add_router_role(app, options, chosen);
    if (const std::string complaint = argc > 1 ? unknown_command(app, argv[1]) : ""; !complaint.empty()) {
        std::cerr << "portier: " << complaint << "\nRun with --help for more information.\n";
        return 2;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        return chosen();
    } catch (const std::exception& error) {
        std::cerr << "portier: " << error.what() << "\n";
        return 1;
    }
}

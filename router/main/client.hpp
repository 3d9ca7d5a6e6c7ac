// The commands that talk to a running portier, and those that need none. Each returns the exit code.
#pragma once

#include <string>

namespace portier {

struct ClientOptions {
    std::string socket;  // --socket
    bool json = false;   // -o json
    bool dry_run = false;
};

int check(const std::string& file, bool effective, bool json);
int schema();
int describe_metrics(bool json);
int version(bool json);
int status(const ClientOptions& options);
int reload(const ClientOptions& options);
int stop(const ClientOptions& options);

}  // namespace portier

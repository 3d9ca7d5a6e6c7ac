// A reload under way: the state of Keeper's transaction (keeper/reload.cpp). Keeper's thread only.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "keeper/keeper.hpp"

namespace portier::keeper {

struct Keeper::Reload {
    config::Config config;
    std::vector<config::Diagnostic> diagnostics;
    Addresses addresses;
    SocketSet sockets;
    std::map<SlotKey, SlotPlan> wanted;
    std::vector<std::function<void(const ReloadAnswer&)>> answers;
    bool committing = false;
};

}  // namespace portier::keeper

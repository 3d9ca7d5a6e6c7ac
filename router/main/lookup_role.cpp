#include "main/lookup_role.hpp"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

#include "net/lookup.hpp"

namespace portier {

namespace {

constexpr std::size_t kMostThreads = 16;  // a slow name server answers one after the other to nobody

std::string line_of(const std::string& name) {
    const net::Lookup found = net::look_up(name);
    std::string line = name;
    for (const net::Address& address : found.addresses) line += ' ' + net::to_string(address);
    return line + (found.addresses.empty() ? " ! " + found.problem : "") + '\n';
}

}  // namespace

int run_lookup(const std::vector<std::string>& names) {
    std::atomic<std::size_t> next = 0;
    std::mutex writing;
    const auto work = [&] {
        for (std::size_t i = next++; i < names.size(); i = next++) {
            const std::string line = line_of(names[i]);
            const std::lock_guard lock(writing);
            std::cout << line << std::flush;
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(names.size(), kMostThreads); ++i) threads.emplace_back(work);
    threads.clear();
    return 0;
}

}  // namespace portier

#include "net/lookup.hpp"

#include <netdb.h>
#include <string.h>

#include <memory>
#include <set>

#include "base/error.hpp"

namespace portier::net {

namespace {

struct Found {
    int error = 0;
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> list{nullptr, ::freeaddrinfo};
};

Found ask(const std::string& name, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    Found found;
    found.error = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
    found.list.reset(list);
    return found;
}

// A link-local address means nothing without its interface.
bool needs_zone(const addrinfo& found) {
    if (found.ai_family != AF_INET6) return false;
    return reinterpret_cast<const sockaddr_in6*>(found.ai_addr)->sin6_scope_id != 0;
}

std::string problem_text(int error) {
    return error == EAI_SYSTEM ? errno_code().message() : ::gai_strerror(error);
}

}  // namespace

Lookup look_up(const std::string& name) {
    // Without this flag a machine that has no IPv6 would be sent there; with it, one that has only its loopback would
    // find nothing.
    Found found = ask(name, AI_ADDRCONFIG);
    if (found.error != 0) found = ask(name, 0);
    if (found.error != 0) return {{}, problem_text(found.error)};
    std::set<Address> addresses;
    for (const addrinfo* one = found.list.get(); one != nullptr; one = one->ai_next) {
        sockaddr_storage storage{};
        ::memcpy(&storage, one->ai_addr, one->ai_addrlen);
        if (!needs_zone(*one)) addresses.insert(from_sockaddr(storage).address);
    }
    if (addresses.empty()) return {{}, "it has no address that can be connected to without a zone"};
    return {{addresses.begin(), addresses.end()}, {}};
}

}  // namespace portier::net

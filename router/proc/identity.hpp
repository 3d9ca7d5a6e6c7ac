// Who a program runs as. One thread at a time (getpwnam(3)).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace portier::proc {

struct Identity {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;  // supplementary
    std::string user;           // for USER, LOGNAME
    std::string home;
};

// The identity of `user`, or our own if that is empty (then without name and home), with `group` instead of its primary
// one, unless that is empty. nullopt: no such user or group.
std::optional<Identity> find_identity(const std::string& user, const std::string& group);

}  // namespace portier::proc

#include "proc/identity.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

namespace portier::proc {

namespace {

std::vector<gid_t> groups_of(const std::string& user, gid_t primary) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (::getgrouplist(user.c_str(), primary, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(user.c_str(), primary, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
}

}  // namespace

std::optional<Identity> find_identity(const std::string& user, const std::string& group) {
    Identity identity{::geteuid(), ::getegid(), {}, "", ""};
    if (!user.empty()) {
        const passwd* entry = ::getpwnam(user.c_str());
        if (!entry) return std::nullopt;
        identity = {entry->pw_uid, entry->pw_gid, {}, entry->pw_name, entry->pw_dir};
    }
    if (!group.empty()) {
        const ::group* other = ::getgrnam(group.c_str());
        if (!other) return std::nullopt;
        identity.gid = other->gr_gid;
    }
    identity.groups = user.empty() ? own_groups() : groups_of(identity.user, identity.gid);
    return identity;
}

}  // namespace portier::proc

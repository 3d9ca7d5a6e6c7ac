// The listening end of the command socket as a file: made so that nobody else can connect or take its place, and
// removed at the end if it is still ours. Keeper's thread only.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"

namespace portier::admin {

class CommandSocket {
public:
    // Makes the folder (0700) if there is none. A socket that a killed portier left behind is replaced. Throws
    // std::system_error: another portier listens there, the folder is not safe, or the place cannot be used.
    explicit CommandSocket(std::string path);
    CommandSocket(const CommandSocket&) = delete;
    CommandSocket& operator=(const CommandSocket&) = delete;
    ~CommandSocket();

    int descriptor() const { return fd_.get(); }  // non-blocking

private:
    std::string path_;
    Fd fd_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace portier::admin

// A kernel that watches no more descriptors (ENOSPC, epoll(7)): this program's epoll_ctl stands before the C library's.
#pragma once

namespace portier::test {

// Nothing can be added to any epoll until this object ends.
class FullEpoll {
public:
    FullEpoll();
    FullEpoll(const FullEpoll&) = delete;
    FullEpoll& operator=(const FullEpoll&) = delete;
    ~FullEpoll();

    unsigned refused() const;
};

}  // namespace portier::test

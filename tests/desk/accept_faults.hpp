// Lets accept4(2) fail as the kernel seldom does: this program's accept4 stands before the C library's.
#pragma once

namespace portier::test {

// The next call of accept4 fails with this errno.
void fail_next_accept(int error);

}  // namespace portier::test

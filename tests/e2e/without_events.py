"""without_events.py COMMAND...: runs it where nobody may join a netlink group, so that the kernel's destroy events are
not to be had (a seccomp filter; seccomp(2)).
"""

import ctypes
import errno
import os
import struct
import sys

SETSOCKOPT = {"x86_64": 54, "aarch64": 208}[os.uname().machine]
SOL_NETLINK = 270
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7fff0000, 0x00050000 | errno.EPERM
NUMBER, LEVEL = 0, 16 + 8  # in struct seccomp_data: nr, the low half of args[1]

PROGRAM = [(LOAD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 0, 3, SETSOCKOPT), (LOAD, 0, 0, LEVEL),
           (JUMP_IF_EQUAL, 0, 1, SOL_NETLINK), (RETURN, 0, 0, FAIL), (RETURN, 0, 0, ALLOW)]
instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in PROGRAM))
program = ctypes.create_string_buffer(struct.pack("@HP", len(PROGRAM), ctypes.addressof(instructions)))
libc = ctypes.CDLL(None, use_errno=True)
for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
    if libc.prctl(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
os.execv(sys.argv[1], sys.argv[1:])

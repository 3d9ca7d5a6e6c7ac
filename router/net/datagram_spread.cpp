#include "net/datagram_spread.hpp"

#include <linux/filter.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <array>

#include "base/error.hpp"

namespace portier::net {

namespace {

// Where the network header begins, whatever the program sees as the packet (linux/filter.h).
constexpr std::uint32_t kNetwork = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t kProtocol = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL);
constexpr std::uint32_t kMix = 0x9e3779b1;  // a large odd number: neighbouring sources spread evenly

constexpr sock_filter plain(unsigned code, std::uint32_t value = 0) {
    return {static_cast<std::uint16_t>(code), 0, 0, value};
}

// The source's port, at this offset behind the network header (plus X), waits in M[0] while its address is loaded.
constexpr std::array kIpv4{
    plain(BPF_LDX | BPF_B | BPF_MSH, kNetwork),  // X: the length of the header
    plain(BPF_LD | BPF_H | BPF_IND, kNetwork),
    plain(BPF_ST),
    plain(BPF_LD | BPF_W | BPF_ABS, kNetwork + 12),
};
constexpr std::array kIpv6{
    plain(BPF_LD | BPF_H | BPF_ABS, kNetwork + 40),
    plain(BPF_ST),
    plain(BPF_LD | BPF_W | BPF_ABS, kNetwork + 8),
    plain(BPF_MISC | BPF_TAX),
    plain(BPF_LD | BPF_W | BPF_ABS, kNetwork + 12),
    plain(BPF_ALU | BPF_XOR | BPF_X),
    plain(BPF_MISC | BPF_TAX),
    plain(BPF_LD | BPF_W | BPF_ABS, kNetwork + 16),
    plain(BPF_ALU | BPF_XOR | BPF_X),
    plain(BPF_MISC | BPF_TAX),
    plain(BPF_LD | BPF_W | BPF_ABS, kNetwork + 20),
    plain(BPF_ALU | BPF_XOR | BPF_X),
};

constexpr std::size_t kLength = 2 + kIpv4.size() + 1 + kIpv6.size() + 6;

std::array<sock_filter, kLength> make_program(unsigned count) {
    std::array<sock_filter, kLength> program;
    auto next = program.begin();
    *next++ = plain(BPF_LD | BPF_H | BPF_ABS, kProtocol);
    *next++ = {BPF_JMP | BPF_JEQ | BPF_K, kIpv4.size() + 1, 0, ETHERTYPE_IPV6};
    next = std::copy(kIpv4.begin(), kIpv4.end(), next);
    *next++ = plain(BPF_JMP | BPF_JA, kIpv6.size());
    next = std::copy(kIpv6.begin(), kIpv6.end(), next);
    *next++ = plain(BPF_LDX | BPF_MEM);
    *next++ = plain(BPF_ALU | BPF_XOR | BPF_X);
    *next++ = plain(BPF_ALU | BPF_MUL | BPF_K, kMix);
    *next++ = plain(BPF_ALU | BPF_RSH | BPF_K, 16);
    *next++ = plain(BPF_ALU | BPF_MOD | BPF_K, count);
    *next++ = plain(BPF_RET | BPF_A);
    return program;
}

}  // namespace

std::error_code spread_datagrams(int socket, unsigned count) {
    auto instructions = make_program(count);
    const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
    if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0) return errno_code();
    return {};
}

}  // namespace portier::net

#include "desk/ledger.hpp"

namespace portier::desk {

namespace {

constexpr unsigned kRowBits = 14;
constexpr std::uint64_t kRowMask = (std::uint64_t{1} << kRowBits) - 1;
static_assert(metrics::kMaxProcessRows <= kRowMask + 1 && metrics::kMaxPortRows <= kRowMask + 1);

// The index is doubled when it is fuller than four fifths.
bool crowded(std::size_t used, std::size_t cells) {
    return used * 5 > cells * 4;
}

}  // namespace

Ledger::Ledger(metrics::Board& board) : board_(board), index_(1024, kEmpty), mask_(1023) {
    while (crowded(size(), index_.size())) index_.resize(index_.size() * 2, kEmpty);
    mask_ = index_.size() - 1;
    if (size() > 0) drop_last_if_twice();
    for (std::uint32_t position = 0; position < size(); ++position)
        index_[find_cell(board_.ledger[position].cookie)] = position;
}

// A router that was killed in the middle of remove() leaves its last entry twice; the one at the end is whole.
void Ledger::drop_last_if_twice() {
    const auto last = static_cast<std::uint32_t>(size() - 1);
    for (std::uint32_t position = 0; position < last; ++position) {
        if (board_.ledger[position].cookie != board_.ledger[last].cookie) continue;
        write(position, entry_at(last));
        board_.ledger_size.store(last, std::memory_order_release);
        return;
    }
}

std::uint64_t Ledger::size() const {
    return board_.ledger_size.load(std::memory_order_relaxed);
}

Ledger::Entry Ledger::entry_at(std::uint32_t position) const {
    const metrics::LedgerEntry& raw = board_.ledger[position];
    return {.cookie = raw.cookie,
            .since_ms = raw.packed >> 2 * kRowBits,
            .port = static_cast<std::uint32_t>(raw.packed >> kRowBits & kRowMask),
            .process = static_cast<std::uint32_t>(raw.packed & kRowMask)};
}

void Ledger::write(std::uint32_t position, const Entry& entry) {
    const std::uint64_t rows = std::uint64_t{entry.port} << kRowBits | entry.process;
    board_.ledger[position] = {entry.cookie, entry.since_ms << 2 * kRowBits | rows};
}

// Cookies are consecutive numbers, so they are spread by a multiplication (Fibonacci hashing).
std::size_t Ledger::home(std::uint64_t cookie) const {
    return static_cast<std::size_t>(cookie * 0x9e3779b97f4a7c15ull >> 32) & mask_;
}

std::size_t Ledger::find_cell(std::uint64_t cookie) const {
    std::size_t cell = home(cookie);
    while (index_[cell] != kEmpty && board_.ledger[index_[cell]].cookie != cookie) cell = (cell + 1) & mask_;
    return cell;
}

std::optional<Ledger::Entry> Ledger::find(std::uint64_t cookie) const {
    const std::size_t cell = find_cell(cookie);
    if (index_[cell] == kEmpty) return std::nullopt;
    return entry_at(index_[cell]);
}

bool Ledger::put(const Entry& entry) {
    const std::size_t cell = find_cell(entry.cookie);
    if (index_[cell] != kEmpty) {
        write(index_[cell], entry);
        return true;
    }
    const std::uint64_t position = size();
    if (position == metrics::kMaxConnections) return false;
    index_[cell] = static_cast<std::uint32_t>(position);
    write(static_cast<std::uint32_t>(position), entry);
    board_.ledger_size.store(position + 1, std::memory_order_release);
    if (crowded(position + 1, index_.size())) grow();
    return true;
}

void Ledger::grow() {
    index_.assign(index_.size() * 2, kEmpty);
    mask_ = index_.size() - 1;
    for (std::uint32_t position = 0; position < size(); ++position)
        index_[find_cell(board_.ledger[position].cookie)] = position;
}

std::optional<Ledger::Entry> Ledger::remove(std::uint64_t cookie) {
    const std::size_t cell = find_cell(cookie);
    if (index_[cell] == kEmpty) return std::nullopt;
    const std::uint32_t position = index_[cell];
    const Entry removed = entry_at(position);
    const auto last = static_cast<std::uint32_t>(size() - 1);
    empty_cell(cell);
    if (position != last) {
        const Entry moved = entry_at(last);
        index_[find_cell(moved.cookie)] = position;
        write(position, moved);
    }
    board_.ledger_size.store(last, std::memory_order_release);
    return removed;
}

// Closes the gap: everything behind it that would no longer be found moves up.
void Ledger::empty_cell(std::size_t gap) {
    index_[gap] = kEmpty;
    for (std::size_t cell = (gap + 1) & mask_; index_[cell] != kEmpty; cell = (cell + 1) & mask_) {
        const std::size_t wanted = home(board_.ledger[index_[cell]].cookie);
        const bool reachable = ((cell - wanted) & mask_) < ((cell - gap) & mask_);
        if (reachable) continue;
        index_[gap] = index_[cell];
        index_[cell] = kEmpty;
        gap = cell;
    }
}

std::uint64_t Ledger::age_ms(const Entry& entry, std::uint64_t now_ms) {
    constexpr std::uint64_t kSinceMask = (std::uint64_t{1} << (64 - 2 * kRowBits)) - 1;
    return (now_ms - entry.since_ms) & kSinceMask;
}

void Ledger::visit(const std::function<void(const Entry&)>& visit) const {
    for (std::uint32_t position = 0; position < size(); ++position) visit(entry_at(position));
}

}  // namespace portier::desk

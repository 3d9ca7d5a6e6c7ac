#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace portier::guests {

unsigned Histogram::bucket_of(std::uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kBitsPerOctave) return static_cast<unsigned>(value);
    const unsigned shift = width - kBitsPerOctave - 1;
    return (shift + 1) * kPerOctave + static_cast<unsigned>(value >> shift) - kPerOctave;
}

std::int64_t Histogram::middle_of(unsigned bucket) {
    if (bucket < kPerOctave) return bucket;
    const unsigned shift = bucket / kPerOctave - 1;
    const std::int64_t lowest = static_cast<std::int64_t>(bucket % kPerOctave + kPerOctave) << shift;
    return lowest + (std::int64_t{1} << shift) / 2;
}

void Histogram::record(std::int64_t nanoseconds) {
    const std::int64_t value = std::clamp<std::int64_t>(nanoseconds, 0, kLargest);
    ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
    for (unsigned bucket = 0; bucket < kBuckets; ++bucket) buckets_[bucket] += other.buckets_[bucket];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

double Histogram::mean() const {
    return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::int64_t Histogram::percentile(double percent) const {
    const double exact_rank = std::ceil(static_cast<double>(count_) * percent / 100.0);
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact_rank));
    std::uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < kBuckets; ++bucket) {
        seen += buckets_[bucket];
        if (seen >= rank) return std::min(middle_of(bucket), max_);
    }
    return max_;
}

}  // namespace portier::guests

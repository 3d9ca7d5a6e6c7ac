// Histogram counts durations in buckets that grow with the value (log-linear, as HDR histograms do): any percentile
// is within 1 % of the true value, in 9 KiB, without an allocation. Plain bytes, so it can live in shared memory and
// be merged with the histograms of other processes. One process records at a time.
#pragma once

#include <array>
#include <cstdint>

namespace portier::guests {

class Histogram {
public:
    // Negative values count as 0, values above kLargest as kLargest.
    void record(std::int64_t nanoseconds);
    void merge(const Histogram& other);

    std::uint64_t count() const { return count_; }
    std::int64_t max() const { return max_; }  // exact
    double mean() const;                       // exact; 0 if nothing was recorded

    // The value in nanoseconds that `percent` (0 to 100) of the recorded values do not exceed; 0 if there is none.
    std::int64_t percentile(double percent) const;

    static constexpr std::int64_t kLargest = (std::int64_t{1} << 40) - 1;  // 18 minutes

private:
    // 64 buckets for each power of two: half of a bucket is at most 1/128 of its value.
    static constexpr unsigned kBitsPerOctave = 6;
    static constexpr unsigned kPerOctave = 1U << kBitsPerOctave;
    static constexpr unsigned kBuckets = (40 - kBitsPerOctave + 1) * kPerOctave;

    static unsigned bucket_of(std::uint64_t value);
    static std::int64_t middle_of(unsigned bucket);

    std::array<std::uint32_t, kBuckets> buckets_{};  // a run is bounded in time far below 2^32 operations
    std::uint64_t count_ = 0;
    std::int64_t sum_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace portier::guests

// The id_hash section of a `.vdb` file (docs/formats/vdb.md, "Id hash section"): where the newest row of an id is.
//
// Open addressing in buckets of one cache line. A bucket holds fingerprints of 16 bits beside its rows, so that an id
// which is not there costs that one line, and says whether a search has to go on in the next bucket. A search looks at
// kIdHashProbesMax buckets at most: a writer that cannot keep to it tries another seed, so ids that somebody made to
// collide are of no use.
// Pure and total. Thread-safety: a view is a value over bytes that do not change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/point_id.hpp"

namespace vibrato::format {

inline constexpr std::uint32_t kIdHashHeaderBytes = 64;
inline constexpr std::uint32_t kIdHashBucketBytes = 64;
inline constexpr std::uint32_t kIdHashBucketRows = 10;
inline constexpr std::uint32_t kIdHashRowsABucket = 6;  // That writers put into one on average.
inline constexpr std::uint32_t kIdHashProbesMax = 16;

// Part of the format: it never changes. Any ids, also of other kinds, and any seed.
[[nodiscard]] std::uint64_t stored_id_hash(const PointIdView& id, std::uint64_t seed);

struct IdHashBucket {
  std::uint16_t fingerprints[kIdHashBucketRows];
  std::uint16_t count;    // Rows in use: those in front.
  std::uint16_t goes_on;  // 1: rows that belong here stand in the next bucket, or behind it. 0: none.
  std::uint32_t rows[kIdHashBucketRows];
};
static_assert(sizeof(IdHashBucket) == kIdHashBucketBytes);

class IdHashView {
 public:
  IdHashView() = default;

  [[nodiscard]] std::uint32_t bucket_count() const { return bucket_count_; }
  [[nodiscard]] std::uint32_t entry_count() const { return entry_count_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  // The bucket where the search for a hash begins, and what it looks for there.
  [[nodiscard]] std::uint32_t home_of(std::uint64_t hash) const;
  [[nodiscard]] static std::uint16_t fingerprint_of(std::uint64_t hash) { return static_cast<std::uint16_t>(hash); }
  // As stored, unchecked. Requires: index < bucket_count().
  [[nodiscard]] IdHashBucket bucket(std::uint32_t index) const;
  [[nodiscard]] static std::uint64_t bucket_offset(std::uint32_t index) {
    return kIdHashHeaderBytes + std::uint64_t{index} * kIdHashBucketBytes;
  }

 private:
  friend Result<IdHashView> parse_id_hash_section(std::span<const std::byte> section, std::uint32_t rows,
                                                  std::uint64_t section_offset);
  std::span<const std::byte> section_;
  std::uint32_t entry_count_ = 0;
  std::uint32_t bucket_count_ = 0;
  std::uint64_t seed_ = 0;
};

// O(1): checks the header and the length, not the buckets. The view borrows `section`. Errors: kCorruption, without the
// path.
[[nodiscard]] Result<IdHashView> parse_id_hash_section(std::span<const std::byte> section, std::uint32_t rows,
                                                       std::uint64_t section_offset);

// Every bucket by itself: counts, flags, zeros in what is not used, rows below `rows`; and the number of entries.
// Errors: kCorruption, without the path.
[[nodiscard]] Status check_id_hash(const IdHashView& hash, std::uint32_t rows, std::uint64_t section_offset);

// The section of a table of `rows`, which have different ids. Nothing if no seed gives chains that are short enough
// (ids with equal hashes under all of them; no such set is known): the file then goes without.
using IdOfRow = std::function<PointIdView(std::uint32_t row)>;
[[nodiscard]] std::optional<std::vector<std::byte>> write_id_hash_section(std::span<const std::uint32_t> rows,
                                                                          const IdOfRow& id_of);

}  // namespace vibrato::format

#include "format/id_hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

// Offsets of the header's fields.
constexpr std::size_t kAtHashEntries = 0;
constexpr std::size_t kAtHashBuckets = 4;
constexpr std::size_t kAtHashSeed = 8;
constexpr std::size_t kAtHashReserved = 16;

// Seeds that a writer tries; with every fourth one it takes twice as many buckets.
constexpr std::uint64_t kSeeds = 12;
constexpr std::uint64_t kSeedsASize = 4;

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, with the constants of Stafford's variant 13).
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint32_t scale(std::uint64_t hash, std::uint32_t buckets) {
  return static_cast<std::uint32_t>(((hash >> 32) * buckets) >> 32);
}

bool put(std::vector<IdHashBucket>& buckets, std::uint64_t hash, std::uint32_t row) {
  const auto count = static_cast<std::uint32_t>(buckets.size());
  std::uint32_t at = scale(hash, count);
  for (std::uint32_t probe = 0; probe < std::min(count, kIdHashProbesMax); ++probe) {
    IdHashBucket& bucket = buckets[at];
    if (bucket.count < kIdHashBucketRows) {
      bucket.fingerprints[bucket.count] = IdHashView::fingerprint_of(hash);
      bucket.rows[bucket.count] = row;
      ++bucket.count;
      return true;
    }
    bucket.goes_on = 1;
    at = at + 1 == count ? 0 : at + 1;
  }
  return false;
}

std::vector<std::byte> encode(std::uint32_t entries, std::uint64_t seed, const std::vector<IdHashBucket>& buckets) {
  std::vector<std::byte> section(kIdHashHeaderBytes + buckets.size() * kIdHashBucketBytes);
  store_le(section, kAtHashEntries, entries);
  store_le(section, kAtHashBuckets, static_cast<std::uint32_t>(buckets.size()));
  store_le(section, kAtHashSeed, seed);
  std::memcpy(section.data() + kIdHashHeaderBytes, buckets.data(), buckets.size() * kIdHashBucketBytes);
  return section;
}

Status check_bucket(const IdHashBucket& bucket, std::uint32_t rows, std::uint64_t offset) {
  if (bucket.count > kIdHashBucketRows) {
    return corrupt_at(offset, "rows in a bucket of the id hash", fmt::format("at most {}", kIdHashBucketRows),
                      bucket.count);
  }
  if (bucket.goes_on > 1 || (bucket.goes_on == 1 && bucket.count < kIdHashBucketRows)) {
    return corrupt_at(offset, "whether a bucket of the id hash goes on", "0, or 1 in a full bucket", bucket.goes_on);
  }
  for (std::uint32_t i = 0; i < kIdHashBucketRows; ++i) {
    if (i < bucket.count && bucket.rows[i] >= rows) {
      return corrupt_at(offset, "row in the id hash", fmt::format("one below {}", rows), bucket.rows[i]);
    }
    if (i >= bucket.count && (bucket.rows[i] != 0 || bucket.fingerprints[i] != 0)) {
      return corrupt_at(offset, "unused place of the id hash", 0, bucket.rows[i]);
    }
  }
  return ok_status();
}

}  // namespace

std::uint64_t stored_id_hash(const PointIdView& id, std::uint64_t seed) {
  const std::uint64_t start = mix(seed + kGolden * (id.is_text ? 2 : 1));
  if (!id.is_text) {
    return mix(start ^ id.number);
  }
  std::uint64_t hash = start;
  for (std::size_t i = 0; i < id.text.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, id.text.data() + i, std::min(sizeof(word), id.text.size() - i));
    hash = mix(hash ^ word);
  }
  return mix(hash ^ id.text.size());
}

std::uint32_t IdHashView::home_of(std::uint64_t hash) const {
  return scale(hash, bucket_count_);
}

IdHashBucket IdHashView::bucket(std::uint32_t index) const {
  VIBRATO_CHECK(index < bucket_count_);
  IdHashBucket bucket;
  std::memcpy(&bucket, section_.data() + bucket_offset(index), sizeof(bucket));
  return bucket;
}

Result<IdHashView> parse_id_hash_section(std::span<const std::byte> section, std::uint32_t rows,
                                         std::uint64_t section_offset) {
  if (section.size() < kIdHashHeaderBytes) {
    return corrupt_at(section_offset, "header of the id hash", fmt::format("{} bytes", kIdHashHeaderBytes),
                      section.size());
  }
  IdHashView view;
  view.section_ = section;
  view.entry_count_ = load_le<std::uint32_t>(section, kAtHashEntries);
  view.bucket_count_ = load_le<std::uint32_t>(section, kAtHashBuckets);
  view.seed_ = load_le<std::uint64_t>(section, kAtHashSeed);
  if (view.entry_count_ > rows) {
    return corrupt_at(section_offset + kAtHashEntries, "ids in the id hash", fmt::format("at most {}", rows),
                      view.entry_count_);
  }
  const std::uint64_t buckets = (section.size() - kIdHashHeaderBytes) / kIdHashBucketBytes;
  if (view.bucket_count_ == 0 || view.bucket_count_ != buckets ||
      section.size() != IdHashView::bucket_offset(view.bucket_count_)) {
    return corrupt_at(section_offset + kAtHashBuckets, "buckets of the id hash",
                      fmt::format("what {} bytes hold, at least 1", section.size()), view.bucket_count_);
  }
  for (std::size_t i = kAtHashReserved; i < kIdHashHeaderBytes; ++i) {
    if (section[i] != std::byte{0}) {
      return corrupt_at(section_offset + i, "reserved byte", 0, std::to_integer<int>(section[i]));
    }
  }
  return view;
}

Status check_id_hash(const IdHashView& hash, std::uint32_t rows, std::uint64_t section_offset) {
  std::uint64_t entries = 0;
  for (std::uint32_t index = 0; index < hash.bucket_count(); ++index) {
    const IdHashBucket bucket = hash.bucket(index);
    VIBRATO_RETURN_IF_ERROR(check_bucket(bucket, rows, section_offset + IdHashView::bucket_offset(index)));
    entries += bucket.count;
  }
  if (entries != hash.entry_count()) {
    return corrupt_at(section_offset + kAtHashEntries, "ids in the id hash", entries, hash.entry_count());
  }
  return ok_status();
}

std::optional<std::vector<std::byte>> write_id_hash_section(std::span<const std::uint32_t> rows, const IdOfRow& id_of) {
  VIBRATO_CHECK(rows.size() <= limits::kRowsPerSegmentMax);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::uint64_t count = std::max<std::uint64_t>(1, (rows.size() + kIdHashRowsABucket - 1) / kIdHashRowsABucket)
                                << seed / kSeedsASize;
    std::vector<IdHashBucket> buckets(count, IdHashBucket{});
    const bool fits = std::all_of(rows.begin(), rows.end(), [&](std::uint32_t row) {
      return put(buckets, stored_id_hash(id_of(row), seed), row);
    });
    if (fits) {
      return encode(static_cast<std::uint32_t>(rows.size()), seed, buckets);
    }
  }
  return std::nullopt;
}

}  // namespace vibrato::format

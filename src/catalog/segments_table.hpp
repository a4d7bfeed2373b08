// The sealed segments, and the rows of each that are deleted.
// Invariant: the files named here are the store; a file that is not named may be an orphan of a crash, one that is
// named and missing is damage. Paths are relative to the data folder and made of safe names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

using SegmentId = StrongId<struct SegmentIdTag, std::uint64_t>;

enum class SegmentState : std::uint8_t {
  kLive,
  kDamaged,  // Its collection is read-only until an operator acts.
};

struct Segment {
  SegmentId id;  // Given by insert(), never reused.
  CollectionNumber collection;
  std::string file;
  std::uint32_t part = 0;  // In a file that several small collections share.
  std::uint8_t level = 0;  // 0 to 2.
  SegmentState state = SegmentState::kLive;
  std::string damage;  // What was found where, of a damaged one; empty if an older build found it.
  std::uint64_t row_count = 0;
  std::uint64_t bytes = 0;
  Lsn first_lsn;  // Of the oldest and the newest row.
  Lsn last_lsn;

  friend bool operator==(const Segment&, const Segment&) = default;
};

// The deleted rows of one segment. The content of `bitmap` is its writer's; the catalog keeps a checksum of it.
struct DeleteBitmap {
  SegmentId segment;
  Lsn lsn;  // All deletes up to here are in it.
  std::uint64_t deleted_count = 0;
  std::vector<std::byte> bitmap;

  friend bool operator==(const DeleteBitmap&, const DeleteBitmap&) = default;
};

// Thread-safety: that of the Catalog.
class SegmentsTable {
 public:
  [[nodiscard]] static Result<SegmentsTable> open(sqlite::Connection& connection);

  // By collection, then oldest first.
  [[nodiscard]] Result<std::vector<Segment>> all() const;
  [[nodiscard]] Result<std::vector<Segment>> of_collection(CollectionNumber number) const;
  // How many segments lie in `file`; 0 tells that it may be removed.
  [[nodiscard]] Result<std::uint64_t> count_in_file(const std::string& file) const;
  // kCorruption when the stored bytes are not those that were put.
  [[nodiscard]] Result<std::optional<DeleteBitmap>> bitmap(SegmentId segment) const;

  // `segment.id` is ignored. Errors: kInvalidArgument for an unsafe path, a level above 2, LSNs out of order or an
  // unknown collection, kAlreadyExists when the part of the file is taken.
  [[nodiscard]] Result<SegmentId> insert(const Segment& segment);
  // With its bitmap. kNotFound if it is not there.
  [[nodiscard]] Status remove(SegmentId segment);
  // `damage`: as that of Segment.
  [[nodiscard]] Status set_state(SegmentId segment, SegmentState state, std::string_view damage = {});
  // Replaces the bitmap. kInvalidArgument for an unknown segment or an LSN below that of the present one.
  [[nodiscard]] Status put_bitmap(const DeleteBitmap& bitmap);

 private:
  explicit SegmentsTable(Statements statements) : statements_(std::move(statements)) {}
  Status found_one(SegmentId segment) const;

  Statements statements_;
};

}  // namespace vibrato::catalog

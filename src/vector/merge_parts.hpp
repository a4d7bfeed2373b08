// Several sealed parts become one: the rows that are alive at one LSN, in one new file, with an index over them.
//
// The graph of the input with the most living rows is re-used (hnsw/graph_merge.hpp), norms and codes are chosen anew,
// as the settings ask. Every input is verified before a row of it is read, so that damage is not copied under new
// checksums.
//
// An archive that dropped its raw vectors cannot be merged with others: its rows exist as codes of its own codebook. It
// is written anew by itself, to give the space of its dead rows back: rows, codes and codebook stay as they are, the
// graph is repaired by the distances between what the codes stand for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/segments_table.hpp"
#include "io/file_system.hpp"
#include "vector/built_index.hpp"
#include "vector/sealed_part.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::vector {

// Called between slices of long work; an error (a stop) ends it there, leaving nothing half done behind. May be empty.
using KeepGoing = std::function<Status()>;
[[nodiscard]] inline Status may_go_on(const KeepGoing& keep_going) {
  return keep_going ? keep_going() : ok_status();
}

using SealedPartPtr = std::shared_ptr<const SealedPart>;

// The rows of a merge: those of the inputs that are alive at `at`, input by input, rows in order. The order is the row
// numbers of the result.
// Thread-safety: immutable once made.
class MergedRows {
 public:
  static constexpr std::uint32_t kGone = 0xffffffff;

  // Rows that were deleted at or below `at` are gone; the inputs hold none that is newer. `inputs`: the one whose graph
  // is to be re-used comes first.
  MergedRows(std::vector<SealedPartPtr> inputs, Lsn at);

  [[nodiscard]] const std::vector<SealedPartPtr>& inputs() const { return inputs_; }
  [[nodiscard]] Lsn at() const { return at_; }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  // Of row `row` of input number `input`; kGone for a dead one.
  [[nodiscard]] std::uint32_t new_row(std::size_t input, std::uint32_t row) const { return new_rows_[input][row]; }
  [[nodiscard]] std::span<const std::uint32_t> new_rows(std::size_t input) const { return new_rows_[input]; }

  // Calls `visit` for every row, in order. Errors: those of `visit`; kCorruption, kGone of an input.
  [[nodiscard]] Status for_each(const std::function<Status(const SegmentRow&)>& visit) const;

  // What was deleted in the inputs above at() and at or below `up_to`, as a bitmap of the new rows for the catalog, and
  // how many rows that is. Empty for none. Errors: kUnavailable without memory.
  struct Deleted {
    std::uint64_t count = 0;
    std::vector<std::byte> bitmap;
  };
  [[nodiscard]] Result<Deleted> deleted_since(Lsn up_to) const;

 private:
  std::vector<SealedPartPtr> inputs_;
  Lsn at_;
  std::uint32_t count_ = 0;
  std::vector<std::vector<std::uint32_t>> new_rows_;
};

// Rows of a part that a reader at `at` sees.
[[nodiscard]] std::uint32_t count_alive(const SealedPart& part, Lsn at);

// Orders the inputs of a merge: the one whose graph is worth re-using first, if there is one, the others by LSN.
[[nodiscard]] std::vector<SealedPartPtr> order_inputs(std::vector<SealedPartPtr> inputs, Lsn at);

// Every checksum of the part, and what its sections promise each other. kCorruption names file and offset; or the error
// of `keep_going`, which is asked every 16 MiB.
[[nodiscard]] Status verify_part(const SealedPart& part, const KeepGoing& keep_going = {});

struct MergeTarget {
  io::FileSystem& fs;
  std::string data_folder;
  std::string file;  // Relative to it.
  CollectionNumber collection;
  CollectionSettings settings;
  bool archive = false;  // Product codes and level 2 in place of 1, where the rows allow it (archive.hpp).
  WriteThrottle throttle;
};

// Writes the rows to the target and returns its catalog entry without id. Requires: rows.count() > 0, the inputs are
// verified; one without raw vectors is the only one. Errors: kCorruption, kGone, those of the file system and of
// `keep_going`; the file is not there then, but for an error of the last sync of its folder.
[[nodiscard]] Result<catalog::Segment> write_merged(const MergedRows& rows, const MergeTarget& target,
                                                    const KeepGoing& keep_going);

}  // namespace vibrato::vector

// Writes sealed parts: the bytes of a frozen hot part as it stands (its graph is never rebuilt), of several small ones
// as one pack, or of a merge.
//
// Order of durability: the file is complete, synced and under its name in a synced folder when a call returns; only
// then may the catalog name it. A file that no catalog row names is an orphan.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/segments_table.hpp"
#include "io/file_system.hpp"
#include "vector/built_index.hpp"
#include "vector/hot_part.hpp"

namespace vibrato::vector {

// Relative to the data folder.
inline constexpr std::string_view kSegmentsFolder = "segments";

// Yields bytes of disk bandwidth: called with what is about to be written; sleeps. Empty: no throttle.
using WriteThrottle = std::function<void(std::uint64_t bytes)>;

// One row after the other, for merges; row numbers of the result follow the order of the adds.
struct SegmentRow {
  PointIdView id;
  Lsn lsn;
  std::span<const float> vector;
  std::string_view meta_json;
};

// The codes that a setting asks for by name; nothing for those that are chosen by measurement.
[[nodiscard]] std::optional<quant::CodeKind> wanted_codes(Quantization quantization);

// Writes `part` (frozen, indexed) to `<data_folder>/<file>`. Row r of the part becomes row r of the file, dead rows
// included. The codes are chosen and coded anew where the settings ask for it; the graph is stored as it is.
// Without a complete graph (kFlat, few rows) there is none in the file. The result is the catalog entry without id.
// may_calibrate: as SegmentFileWriter::commit().
// Errors: kInvalidArgument for a part without rows; those of the file system.
[[nodiscard]] Result<catalog::Segment> seal_hot_part(io::FileSystem& fs, const std::string& data_folder,
                                                     const std::string& file, CollectionNumber collection,
                                                     const CollectionSettings& settings, const HotPart& part,
                                                     const WriteThrottle& throttle = {},
                                                     const std::function<Status()>& may_calibrate = {});

// Rows of a small part, read one by one; what `row` answers is borrowed until the pack is written.
struct PackItem {
  CollectionNumber collection;
  CollectionSettings settings;
  std::uint32_t row_count = 0;
  std::function<Result<SegmentRow>(std::uint32_t row)> row;
  std::uint8_t level = 0;
};
// All rows of a frozen part, which it keeps alive.
[[nodiscard]] PackItem pack_item(CollectionNumber collection, const CollectionSettings& settings,
                                 std::shared_ptr<const HotPart> part);

// Writes many small parts, without graphs, into one pack file. Entries come in the order of the items, part
// numbers from 0.
[[nodiscard]] Result<std::vector<catalog::Segment>> seal_small_parts(io::FileSystem& fs, const std::string& data_folder,
                                                                     const std::string& file,
                                                                     std::span<const PackItem> items);

// A segment being written row by row, then indexed, then published. For merges.
class SegmentFileWriter {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SegmentFileWriter>> create(
      io::FileSystem& fs, const std::string& data_folder, const std::string& file, CollectionNumber collection,
      const CollectionSettings& settings, const WriteThrottle& throttle = {});
  ~SegmentFileWriter();  // Leaves nothing behind unless it was committed.

  // Errors: kDimMismatch, kInvalidArgument (numbers, ids, an LSN of 0), kOverloaded; those of the file system.
  [[nodiscard]] Status add(const SegmentRow& row);
  // The rows so far, readable as a `.vdb` image in a temporary file, so that an index can be built over them.
  // No add() any more afterwards. The image lives as long as the writer; its checksums must not be looked at after
  // commit().
  [[nodiscard]] Result<const store::VdbFile*> finish_rows();
  // Writes the index (none: every search scans; one without a graph: on its codes) and publishes the file under its
  // name. Of an archive (level 2, product codes) the raw vectors are left out where the settings say so. Requires:
  // finish_rows(). Errors: kInvalidArgument without a row; those of the file system.
  // may_calibrate: asked every few milliseconds while the segment is calibrated (calibrate.hpp); an error leaves it
  // without a calibration, soon, and is no error of the commit. May be empty.
  [[nodiscard]] Result<catalog::Segment> commit(const BuiltIndex* index, std::uint8_t level,
                                                const std::function<Status()>& may_calibrate = {});
  // The same with a graph that is somebody else's, of as many rows; null: none.
  [[nodiscard]] Result<catalog::Segment> commit(const BuiltIndex* index, const format::GraphView* graph,
                                                std::uint8_t level, const std::function<Status()>& may_calibrate = {});

 private:
  class Impl;
  explicit SegmentFileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector

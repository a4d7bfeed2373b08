#include "catalog/segments_table.hpp"

#include "base/crc32c.hpp"
#include "io/safe_path.hpp"

namespace vibrato::catalog {
namespace {

constexpr std::uint8_t kLevelMax = 2;

enum SegmentQuery : std::size_t {
  kAllSegments,
  kOfCollection,
  kCountInFile,
  kInsertSegment,
  kRemoveSegment,
  kSetState,
  kBitmap,
  kPutBitmap
};

#define SEGMENT_COLUMNS "collection, file, part, level, state, row_count, bytes, first_lsn, last_lsn, damage"

constexpr std::string_view kSegmentSql[] = {
    "SELECT id, " SEGMENT_COLUMNS " FROM segments ORDER BY collection, first_lsn, id",
    "SELECT id, " SEGMENT_COLUMNS " FROM segments WHERE collection = ?1 ORDER BY first_lsn, id",
    "SELECT count(*) FROM segments WHERE file = ?1",
    "INSERT INTO segments (" SEGMENT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    "DELETE FROM segments WHERE id = ?1",
    "UPDATE segments SET state = ?2, damage = ?3 WHERE id = ?1",
    "SELECT segment, lsn, deleted_count, crc32c, bitmap FROM delete_bitmaps WHERE segment = ?1",
    "INSERT INTO delete_bitmaps VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (segment) DO UPDATE SET lsn = excluded.lsn, "
    "deleted_count = excluded.deleted_count, crc32c = excluded.crc32c, bitmap = excluded.bitmap "
    "WHERE lsn <= excluded.lsn",
};
#undef SEGMENT_COLUMNS

std::string_view name_of(SegmentState state) {
  return state == SegmentState::kLive ? "live" : "damaged";
}

Segment read_segment_row(sqlite::Rows& rows) {
  Segment segment;
  segment.id = SegmentId(rows.u64(0));
  segment.collection = CollectionNumber(rows.u32(1));
  segment.file = rows.text(2);
  if (!io::join_beneath("", segment.file).ok()) {
    rows.reject(2, "is no relative path");
  }
  segment.part = rows.u32(3);
  const std::uint32_t level = rows.u32(4);
  if (level > kLevelMax) {
    rows.reject(4, "is no level");
  }
  segment.level = static_cast<std::uint8_t>(level);
  const std::string state = rows.text(5);
  if (state != name_of(SegmentState::kLive) && state != name_of(SegmentState::kDamaged)) {
    rows.reject(5, "is no state");
  }
  segment.state = state == name_of(SegmentState::kLive) ? SegmentState::kLive : SegmentState::kDamaged;
  segment.row_count = rows.u64(6);
  segment.bytes = rows.u64(7);
  segment.first_lsn = Lsn(rows.u64(8));
  segment.last_lsn = Lsn(rows.u64(9));
  segment.damage = rows.optional_text(10).value_or("");
  return segment;
}

std::optional<std::string_view> text_or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

DeleteBitmap read_bitmap(sqlite::Rows& rows) {
  DeleteBitmap bitmap;
  bitmap.segment = SegmentId(rows.u64(0));
  bitmap.lsn = Lsn(rows.u64(1));
  bitmap.deleted_count = rows.u64(2);
  bitmap.bitmap = rows.blob(4);
  if (crc32c(bitmap.bitmap) != rows.u32(3)) {
    rows.reject(4, "does not fit its checksum");
  }
  return bitmap;
}

}  // namespace

Result<SegmentsTable> SegmentsTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kSegmentSql));
  return SegmentsTable(std::move(statements));
}

Result<std::vector<Segment>> SegmentsTable::all() const {
  return read_all(statements_[kAllSegments].run(), read_segment_row);
}

Result<std::vector<Segment>> SegmentsTable::of_collection(CollectionNumber number) const {
  return read_all(statements_[kOfCollection].run(number), read_segment_row);
}

Result<std::uint64_t> SegmentsTable::count_in_file(const std::string& file) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto count, read_first(statements_[kCountInFile].run(file),
                                                        [](sqlite::Rows& rows) { return rows.u64(0); }));
  return count.value_or(0);
}

Result<std::optional<DeleteBitmap>> SegmentsTable::bitmap(SegmentId segment) const {
  return read_first(statements_[kBitmap].run(segment), read_bitmap);
}

Result<SegmentId> SegmentsTable::insert(const Segment& segment) {
  VIBRATO_RETURN_IF_ERROR(io::join_beneath("", segment.file).status());
  const Segment& s = segment;
  VIBRATO_RETURN_IF_ERROR(statements_[kInsertSegment].execute(s.collection, s.file, s.part, s.level, name_of(s.state),
                                                              s.row_count, s.bytes, s.first_lsn, s.last_lsn,
                                                              text_or_null(s.damage)));
  return SegmentId(static_cast<std::uint64_t>(statements_.connection().last_insert_id()));
}

Status SegmentsTable::remove(SegmentId segment) {
  VIBRATO_RETURN_IF_ERROR(statements_[kRemoveSegment].execute(segment));
  return found_one(segment);
}

Status SegmentsTable::set_state(SegmentId segment, SegmentState state, std::string_view damage) {
  VIBRATO_RETURN_IF_ERROR(statements_[kSetState].execute(segment, name_of(state), text_or_null(damage)));
  return found_one(segment);
}

Status SegmentsTable::put_bitmap(const DeleteBitmap& bitmap) {
  VIBRATO_RETURN_IF_ERROR(statements_[kPutBitmap].execute(bitmap.segment, bitmap.lsn, bitmap.deleted_count,
                                                          crc32c(bitmap.bitmap), bitmap.bitmap));
  return statements_.connection().changed_rows() == 1
             ? ok_status()
             : invalid_argument("the bitmap of segment " + std::to_string(bitmap.segment.value()) +
                                " is already newer than LSN " + std::to_string(bitmap.lsn.value()));
}

Status SegmentsTable::found_one(SegmentId segment) const {
  return statements_.connection().changed_rows() == 1
             ? ok_status()
             : not_found("there is no segment " + std::to_string(segment.value()));
}

}  // namespace vibrato::catalog

// A collection: its parts in one published version, what searches and lookups read, and what the applier and the
// background work change.
//
// Versions. A version is immutable: the sealed parts in LSN order, the frozen hot parts, the hot part. Readers copy the
// pointer under one short lock and hold none while they search. A ReadView pairs a version with the visible LSN so that
// it sees whole groups, and exactly one row of an id:
//   1. copy the version and its generation; 2. read visible_lsn; 3. if the generation has changed, begin again.
// So the version was current when the LSN was read: every row at or below the LSN is in it, and all that its sealed
// parts hold is at or below the LSN. Rows of the hot part above the LSN are not looked at, deletes above it do not
// count.
//
// Who changes what: records are applied by one thread; freezing and publishing come from background threads. Both hold
// apply_mutex_ for their short critical section; a publisher so sees every delete that was applied, and none slips in
// between carrying deletes over and publishing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "commit/visible_lsn.hpp"
#include "filter/condition.hpp"
#include "vector/collection_damage.hpp"
#include "vector/collection_settings.hpp"
#include "vector/hot_part.hpp"
#include "vector/passed_over.hpp"
#include "vector/sealed_part.hpp"

namespace vibrato::vector {

struct CollectionIdentity {
  CollectionNumber number;
  std::string name;
  CollectionSettings settings;
  std::int64_t created_at_ms = 0;
  Lsn created_lsn;
};

struct CollectionVersion {
  std::vector<std::shared_ptr<const SealedPart>> sealed;    // By first LSN.
  std::vector<std::shared_ptr<const SealedPart>> imported;  // The same, of imports that the catalog does not know yet.
  std::vector<std::shared_ptr<HotPart>> frozen;             // Oldest first.
  std::shared_ptr<HotPart> hot;                             // Null until there is a row.

  // The last import, as long as readers below its LSN may come, and the version that they read: what sealed parts hold
  // is visible to all who read them.
  Lsn import_lsn;
  std::shared_ptr<const CollectionVersion> before_import;

  // Newest first: hot, frozen, imported, sealed; until `visit` answers false. For lookups.
  void for_each_newest_first(const std::function<bool(const std::shared_ptr<const Segment>&)>& visit) const;
};
using VersionPtr = std::shared_ptr<const CollectionVersion>;

struct ReadView {
  VersionPtr version;
  Lsn visible;
};

enum class Tier : std::uint8_t { kActive, kAll, kArchive };

// What an import brings, and which older rows give way (replaced_rows.hpp).
class ReplacedRows;
struct NewImport {
  std::vector<std::shared_ptr<SealedPart>> parts;  // Not shared yet. Rows that were replaced within it are deleted.
  std::uint64_t points = 0;                        // Alive.
  std::uint64_t next_point_number = 0;
  ReplacedRows* replaced = nullptr;  // What was looked up before; null: every id is looked up.
};

struct SearchRequest {
  std::span<const float> vector;  // Shape [dim].
  std::uint32_t k = 10;
  std::uint32_t ef = 0;  // 0: max(128, 2 k).
  // In place of ef: each part ends its walk by the rule that reached it when the part was calibrated.
  std::optional<float> recall;
  std::uint32_t offset = 0;
  bool exact = false;
  bool rescore = true;
  Tier tier = Tier::kAll;
  std::optional<float> min_score;     // Not with l2. Inclusive.
  std::optional<float> max_distance;  // Only with l2. Inclusive.
  std::vector<PointId> left_out;      // The examples of a search by id, each once.
  std::optional<filter::Filter> filter;
  Deadline deadline;
};

struct PointHit {
  std::shared_ptr<const Segment> segment;  // Keeps what `row` refers to alive.
  std::uint32_t row = 0;
  PointIdView id;   // Borrowed from the segment.
  float score = 0;  // As Metric says.
};

struct SegmentExplain {
  std::string segment;  // "hot", "frozen", or the file's name.
  std::uint32_t rows = 0;
  // With a filter: how many rows the plan was chosen for, which may be dead, and how many of them are alive.
  std::optional<std::uint32_t> estimated;
  std::optional<std::uint32_t> matching;
  SegmentStats stats;  // Of all searches of the part, if it was searched again; its plan is the last one's.
};

struct SearchAnswer {
  std::vector<PointHit> hits;  // Best first, ties by id.
  std::vector<SegmentExplain> explain;
  std::vector<std::string> notes;  // Where a recall target cannot be promised, and why.
};

struct Point {
  std::shared_ptr<const Segment> segment;
  std::uint32_t row = 0;
  PointIdView id;
  std::span<const float> vector;  // As written.
  std::string_view meta_json;
};

struct CollectionInfo {
  CollectionIdentity identity;
  std::uint64_t live_count = 0;
  std::uint64_t deleted_count = 0;  // Dead rows that still take space.
  std::uint64_t segments = 0;       // Sealed parts, plus the hot ones that have rows.
  std::uint64_t bytes_on_disk = 0;
  std::uint64_t bytes_in_memory = 0;
  std::uint64_t indexed_count = 0;
  std::uint64_t hot_rows = 0;  // Not in a sealed segment yet.
  Lsn applied_lsn;
  std::int64_t updated_at_ms = 0;
  std::vector<std::string> notes;  // "collection c is read-only: segments/x.vdb: ...", ...: one a damaged part.
};

// Thread-safety: the reading methods may be called from many threads at once, beside everything else.
class Collection {
 public:
  struct Options {
    std::uint64_t hot_part_bytes = std::uint64_t{64} * 1024 * 1024;  // Of raw vectors and meta: full past it.
    std::shared_ptr<FilterCache> filter_cache;                       // Of all collections; null: none.
  };

  Collection(CollectionIdentity identity, const commit::VisibleLsn& visible, const Options& options);

  [[nodiscard]] const CollectionIdentity& identity() const { return identity_; }
  [[nodiscard]] const CollectionSettings& settings() const { return identity_.settings; }

  // ---- Reading ----
  // Not with apply_mutex_ held. After records that passed over a damaged part it goes through that part once.
  [[nodiscard]] ReadView read_view() const;
  // Errors: kDimMismatch, kInvalidArgument (k, ef, values; a zero vector under cosine; min_score with l2), kCorruption;
  // kTimeout when the deadline passes meanwhile, which is noticed within kScanCheckRows rows or one walk.
  [[nodiscard]] Result<SearchAnswer> search(const SearchRequest& request, bool explain = false) const;
  // kUnavailable for an id that may be in a part that could not be opened.
  [[nodiscard]] Result<std::optional<Point>> get(const PointIdView& id) const;
  // About how long a search will take, to decide where it may run. Microseconds.
  [[nodiscard]] std::uint64_t estimate_search_us(const SearchRequest& request) const;
  [[nodiscard]] CollectionInfo info() const;

  // ---- Budgets ----
  // Bytes of rows that no index finds yet, and of all rows that no file holds.
  [[nodiscard]] std::uint64_t tail_bytes() const;
  [[nodiscard]] std::uint64_t hot_bytes() const;
  // Not ok while the collection takes no writes (damage), with the reason.
  [[nodiscard]] Status check_writable() const;
  void set_damaged(const std::string& reason) { damage_->set(reason); }
  // Shared with the parts, which report here what requests meet.
  [[nodiscard]] const std::shared_ptr<CollectionDamage>& damage() const { return damage_; }
  // For the parts that join it: where they report damage and keep evaluated filters.
  void adopt(SealedPart& part) const;
  // Whether a record passed over the part since the load, and so may lack a delete there once the part is whole again.
  [[nodiscard]] bool has_passed_over(const SealedPart& part) const;
  // A part could not be opened: an id that is not found may be in it, and "not there" would be a lie.
  // kUnavailable in that case, for answers that would be wrong without the part.
  [[nodiscard]] Status check_complete() const;
  void set_incomplete() { is_incomplete_.store(true, std::memory_order_relaxed); }

  // ---- The applier's; LSNs rise. Records at or below durable_lsn() are skipped. ----
  // A part that proves damaged when a record looks for its id is passed over, as one that could not be opened is: the
  // collection is read-only from then on, and the record stays in the log. The next reader finds the old row all the
  // same, by going through the part.
  [[nodiscard]] Status apply_put(const PointIdView& id, std::span<const float> vector, std::string_view meta_json,
                                 Lsn lsn, std::int64_t time_ms);
  [[nodiscard]] Status apply_delete(const PointIdView& id, Lsn lsn, std::int64_t time_ms);
  // All points of an import at once. The parts get the LSN and belong to the version from here on.
  [[nodiscard]] Status apply_import(const NewImport& import, Lsn lsn, std::int64_t time_ms);
  // An import of which a file cannot be had: the collection is read-only and incomplete.
  void apply_lost_import(const std::string& reason, Lsn lsn, std::int64_t time_ms);
  // Above every number that a point ever had as its id (vector/point_numbers.hpp), as of everything applied.
  [[nodiscard]] std::uint64_t next_point_number() const { return next_point_number_.load(std::memory_order_relaxed); }
  // At load: what the catalog says. Before anything is applied.
  void load_next_point_number(std::uint64_t number) { next_point_number_.store(number, std::memory_order_relaxed); }
  // As of everything applied, visible or not. The applier's thread only.
  [[nodiscard]] Result<std::optional<Point>> find_applied(const PointIdView& id) const;

  // ---- Background work ----
  // As of everything applied, visible or not.
  [[nodiscard]] VersionPtr latest_version() const;
  // Moves the hot part, if it has rows, to the frozen ones; the next put opens a new one. Answers the last LSN that was
  // applied to this collection: every row up to it is in a frozen or sealed part from here on.
  [[nodiscard]] Lsn freeze_hot();
  // Everything up to here is durable in files: rows, and deletes in bitmaps. Set after the catalog's commit.
  [[nodiscard]] Lsn durable_lsn() const;
  void set_durable_lsn(Lsn lsn);
  // The oldest LSN that would be lost without the log; nothing if the collection is saved.
  [[nodiscard]] std::optional<Lsn> oldest_unsaved_lsn() const;
  // The frozen parts have become files: row numbers and DeleteLsns are the same. One version.
  void publish_sealed(std::span<const std::shared_ptr<HotPart>> frozen,
                      std::span<const std::shared_ptr<const SealedPart>> sealed);
  // The catalog knows the parts of an import now: the same files, rows and DeleteLsns under the names that it gave.
  void publish_saved_import(std::span<const std::shared_ptr<const SealedPart>> imported,
                            std::span<const std::shared_ptr<const SealedPart>> sealed);
  // Several sealed parts have become one (or none, if every row was dead). `new_row(part, row)` tells where a row went
  // that was alive at `merged_at`; deletes after that LSN are carried over under the lock. One version.
  using NewRow = std::function<std::uint32_t(std::size_t part, std::uint32_t row)>;
  [[nodiscard]] Status publish_merged(std::span<const std::shared_ptr<const SealedPart>> inputs,
                                      const std::shared_ptr<const SealedPart>& output, Lsn merged_at,
                                      const NewRow& new_row);
  // At load: the sealed parts of the catalog. Before anything is applied.
  void load_sealed(std::vector<std::shared_ptr<const SealedPart>> sealed, Lsn durable, std::uint64_t live_count);

 private:
  [[nodiscard]] VersionPtr current() const;
  void publish(const std::shared_ptr<CollectionVersion>& version);
  [[nodiscard]] Result<std::uint64_t> replace_old_rows(const NewImport& import, Lsn lsn);
  // The following with apply_mutex_ held.
  [[nodiscard]] Status make_room();
  void note_passed_over(std::span<const std::shared_ptr<const Segment>> parts, const PointIdView& id, Lsn lsn);
  void settle_passed_over() const;
  void note_applied(Lsn lsn, std::int64_t time_ms);
  [[nodiscard]] Status check_search(const SearchRequest& request) const;
  [[nodiscard]] std::string read_only_because(const std::string& reason) const;

  const CollectionIdentity identity_;
  const commit::VisibleLsn& visible_;
  const Options options_;

  mutable std::mutex version_mutex_;  // Guards version_; held for a pointer copy.
  VersionPtr version_;
  std::atomic<std::uint64_t> generation_{0};

  mutable std::mutex apply_mutex_;  // See above. Taken before version_mutex_. Guards the next two against each other.
  std::atomic<std::uint64_t> applied_lsn_{0};
  std::atomic<std::uint64_t> durable_lsn_{0};
  std::atomic<std::uint64_t> oldest_unsaved_lsn_{0};  // 0: all is saved.
  mutable std::atomic<std::uint64_t> live_count_{0};
  std::atomic<std::int64_t> updated_at_ms_;
  std::atomic<std::uint64_t> next_point_number_{0};  // Raised by the applier alone, with apply_mutex_ held.

  mutable PassedOver passed_over_;                    // Guarded by apply_mutex_.
  mutable std::atomic<bool> has_passed_over_{false};  // Something in it is not settled.

  std::atomic<bool> is_incomplete_{false};
  const std::shared_ptr<CollectionDamage> damage_;
};

}  // namespace vibrato::vector

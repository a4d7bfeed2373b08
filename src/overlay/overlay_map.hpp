// The rows that are applied and not yet in the file, by key. Of a key it has the newest row, and of those that it
// replaced the ones that somebody may still ask for. For RowStore.
//
// Invariants:
//   - of each key it has all rows above the floor and, unless the file has that one, the newest at or below it. The
//     floor is an LSN that is visible; a read asks as of the floor at least, so it never misses a row that was let go
//     of;
//   - while a save is under way, it has the newest row of each key at or below the LSN that is saved as well;
//   - a row at or below the LSN of the last save is in the file, or a later one of its key is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::overlay {

using RowMap = std::map<std::string, RowPtr, std::less<>>;

// Thread-safety: put() by one thread at a time, a save by one thread at a time, all else from any thread.
class OverlayMap {
 public:
  // What the file holds when it is opened.
  void set_saved(Lsn saved, std::optional<std::int64_t> file_expiry_ms);

  // Passed over if the file or the map has a row of the key that is as new.
  void put(std::string_view key, RowPtr row, Lsn visible);

  // The row as of `as_of`, or of the floor if that is above; nullopt: the file tells.
  [[nodiscard]] std::optional<RowPtr> find(std::string_view key, Lsn as_of) const;
  [[nodiscard]] std::optional<RowPtr> find_newest(std::string_view key) const;

  // Keeps saves from letting go of rows, and puts away, while it lives: for a reader that begins to look into the file.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold() const { return std::shared_lock(mutex_); }
  // With hold(). The rows of the range as of `as_of`, which is at or above floor(); deleted ones too. Ends after `max`
  // rows that are not deleted: answers the key above which it did not look.
  [[nodiscard]] std::optional<std::string> copy(const KeyRange& range, Lsn as_of, std::size_t max, RowMap& out) const;
  [[nodiscard]] Lsn floor() const { return floor_; }

  // ---- Rows with a time ----
  // The earliest time of a row here or in the file, or an earlier one.
  [[nodiscard]] std::optional<std::int64_t> next_expiry_ms() const;
  // Keys of rows, as of `as_of`, of which the time is over at `now_ms`; the earliest first.
  [[nodiscard]] std::vector<RowEntry> expired(std::int64_t now_ms, std::size_t count, Lsn as_of) const;
  // Counts saves.
  [[nodiscard]] std::uint64_t generation() const;
  // Of those rows of the file that are not replaced here; has no effect if a save ended since `generation`.
  void set_file_expiry(std::uint64_t generation, std::optional<std::int64_t> time_ms);

  // ---- A save: begin, collect all, end_save(), let_go() of all; or give_up() ----
  // The LSN that is saved: `up_to`, or the floor if that is above.
  [[nodiscard]] Lsn begin_save(Lsn up_to);
  // Looks at `count` keys above `after` and adds their rows to `out`; answers where to go on, nullopt at the end.
  [[nodiscard]] std::optional<std::string> collect(const std::optional<std::string>& after, Lsn up_to,
                                                   std::size_t count, std::vector<RowEntry>& out) const;
  void give_up();
  void end_save(Lsn saved, std::optional<std::int64_t> file_expiry_ms);
  // Looks at `count` keys, the first at or above `from`; answers where to go on, nullopt at the end.
  [[nodiscard]] std::optional<std::string> let_go(const std::optional<std::string>& from, Lsn saved, std::size_t count);

  // About what it takes in memory.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Versions {
    RowPtr newest;
    std::vector<RowPtr> older;  // Oldest first: one round may write a key thousands of times.

    // The first of `older` above `lsn`.
    [[nodiscard]] std::vector<RowPtr>::const_iterator above(Lsn lsn) const;
    [[nodiscard]] RowPtr as_of(Lsn lsn) const;
  };
  using Map = std::map<std::string, Versions, std::less<>>;

  void add(const std::string& key, const Row& row);
  void drop(const std::string& key, const Versions& left, const Row& row);
  void prune(const std::string& key, Versions& versions);
  [[nodiscard]] static Map::const_iterator after_key(const Map& map, const std::optional<std::string>& key);

  mutable std::shared_mutex mutex_;  // Guards the members below.
  Map map_;
  std::set<std::pair<std::int64_t, std::string>> expiries_;  // Of every row here that has a time.
  std::optional<std::int64_t> file_expiry_ms_;
  std::uint64_t generation_ = 0;
  std::uint64_t bytes_ = 0;
  Lsn floor_;
  Lsn saved_;
  std::optional<Lsn> saving_;
};

}  // namespace vibrato::overlay

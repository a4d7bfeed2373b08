// The records of a model that are in flight: validated, perhaps logged, not applied yet. They are found by their key,
// whatever that is for the model.
//
// Most writes never ask what is in flight (a put without a condition replaces whatever there is), so staging only notes
// the record; the table by key is made when a validation asks for the first time. Staging a record, taking it back and
// noting it as applied each cost the same however many there are, of one key too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>
#include <vibrato/check.hpp>

#include "base/ids.hpp"
#include "wal/log.hpp"

namespace vibrato::commit {

// `Keys` has the types Key, Hash (of a Key), and `static Key of(const wal::StoredRecord&)`. A Key may borrow from the
// body of its record.
// Borrows the bodies of the records. Thread-safety: one thread.
template <typename Keys>
class StagedRecords {
 public:
  using Key = typename Keys::Key;

  // Requires: a record that has a key, with an LSN above those before.
  void stage(const wal::StoredRecord& record) {
    VIBRATO_CHECK(records_.empty() || records_.back().lsn < record.lsn);
    records_.push_back(record);
  }

  // Forgets the records at and above `lsn`.
  void unstage_from(Lsn lsn) {
    while (records_.size() > applied_ && records_.back().lsn >= lsn) {
      if (in_table() == records_.size()) {
        take_last_out_of_table();
      }
      records_.pop_back();
    }
    forget_if_applied();
  }

  // The records up to `lsn` are applied. Their bodies may go.
  void set_applied(Lsn lsn) {
    if (applied_ == records_.size() || records_[applied_].lsn > lsn) {
      return;
    }
    forget_table();  // Its keys lie in the bodies.
    while (applied_ < records_.size() && records_[applied_].lsn <= lsn) {
      ++applied_;
    }
    forget_if_applied();
  }

  // Nothing is in flight.
  [[nodiscard]] bool is_empty() const { return records_.empty(); }
  // In order. Valid until the next call that is not const.
  [[nodiscard]] std::span<const wal::StoredRecord> in_flight() const { return std::span(records_).subspan(applied_); }
  // The newest record in flight of the key; null if there is none. Valid as in_flight().
  [[nodiscard]] const wal::StoredRecord* find(const Key& key) {
    while (in_table() < records_.size()) {
      put_next_into_table();
    }
    const auto found = newest_.find(key);
    return found == newest_.end() ? nullptr : &records_[found->second];
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  // Up to here the records are applied, or in the table.
  [[nodiscard]] std::size_t in_table() const { return applied_ + before_.size(); }

  void put_next_into_table() {
    const std::size_t index = in_table();
    const auto [place, is_first] = newest_.try_emplace(Keys::of(records_[index]), index);
    before_.push_back(is_first ? kNone : std::exchange(place->second, index));
  }
  // The key in the table is that of the first record with it, which is the last of them to go.
  void take_last_out_of_table() {
    const auto place = newest_.find(Keys::of(records_.back()));
    if (before_.back() == kNone) {
      newest_.erase(place);
    } else {
      place->second = before_.back();
    }
    before_.pop_back();
  }
  void forget_table() {
    if (!before_.empty()) {  // Clearing takes time even then.
      newest_.clear();
      before_.clear();
    }
  }
  void forget_if_applied() {
    if (applied_ == records_.size()) {
      forget_table();
      records_.clear();
      applied_ = 0;
    }
  }

  std::vector<wal::StoredRecord> records_;  // By LSN.
  std::size_t applied_ = 0;                 // So many of them, the first, are applied.
  std::unordered_map<Key, std::size_t, typename Keys::Hash> newest_;
  std::vector<std::size_t> before_;  // Of each record in the table, which one had its key before; or kNone.
};

}  // namespace vibrato::commit

// State: JSON values by key, with a revision, and perhaps a time at which they end. A model of the log, its rows in
// "state.db" (overlay/row_store.hpp).
//
// Invariants:
//   - the revision of a key is the LSN of its last put, so it never goes back, also over deletes;
//   - a key whose time is over is hidden at once, by the time that RoundTime gives; only a write deletes it, by a
//   record
//     of reason ttl: whichever write meets it first, or make_expiry() (state_writes.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/file_model.hpp"
#include "commit/round_time.hpp"
#include "commit/visible_lsn.hpp"
#include "format/state_records.hpp"
#include "kv/staged_state.hpp"
#include "overlay/choose_rows.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::kv {

struct StateItem {
  std::string key;
  overlay::RowPtr row;  // Never null, never deleted.

  [[nodiscard]] Lsn revision() const { return row->lsn; }
  [[nodiscard]] const std::string& value_json() const { return row->value; }
  [[nodiscard]] std::optional<std::int64_t> expires_at_ms() const { return row->expires_at_ms; }
};

struct StatePage {
  std::vector<StateItem> items;  // In byte order of keys.
  bool has_more = false;         // A list after the last of these finds another one.
};

struct StateListQuery {
  std::string prefix;
  std::optional<std::string> after;  // Only keys above this one.
  std::size_t limit = 0;
  std::uint64_t bytes_max = UINT64_MAX;  // Of keys and values: a page that passes it ends early. One item at least.
  Deadline deadline = {};
};

// A key that a reader chose, as it was then.
using ChosenKey = overlay::ChosenRow;

// The row is hidden: its time is over.
[[nodiscard]] bool is_over(const overlay::Row& row, std::int64_t now_ms);

struct StateModelOptions {
  overlay::RowStoreOptions rows;
};

// Thread-safety: as FileModel; reads from any thread.
class StateModel final : public commit::FileModel {
 public:
  using Options = StateModelOptions;

  // `vfs`, `visible` and `time` outlive it. Errors: those of RowStore::open().
  [[nodiscard]] static Result<std::unique_ptr<StateModel>> open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                                const commit::VisibleLsn& visible,
                                                                const commit::RoundTime& time, Options options = {});

  // ---- Reads, of what is visible and whose time is not over ----
  // Null if there is none.
  [[nodiscard]] Result<overlay::RowPtr> get(std::string_view key) const;
  [[nodiscard]] Result<StatePage> list(const StateListQuery& query) const;
  // Those that a delete by prefix would delete: in byte order, above `after`. Errors: those of overlay::choose_rows().
  [[nodiscard]] Result<std::vector<ChosenKey>> choose(std::string_view prefix, std::optional<std::string_view> after,
                                                      const overlay::RowsToChoose& which) const;
  // Those whose time is over at `now_ms`, at most `count`, the earliest first.
  [[nodiscard]] Result<std::vector<ChosenKey>> due(std::int64_t now_ms, std::size_t count) const;
  // Nothing is due before this; nullopt: nothing ever is.
  [[nodiscard]] std::optional<std::int64_t> next_expiry_ms() const { return rows_->next_expiry_ms(); }

  // ---- For validations ----
  // What the last record of the key in flight or applied left; null if it is absent or deleted. Answers rows whose time
  // is over too. What is in flight comes without its value.
  [[nodiscard]] Result<overlay::RowPtr> newest(std::string_view key);
  // No key that is applied or in flight has a time that is over at `now_ms`.
  [[nodiscard]] bool none_due(std::int64_t now_ms) const;

  // ---- commit::FileModel ----
  [[nodiscard]] std::string_view name() const override { return "state"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  [[nodiscard]] Lsn durable_lsn() const override { return rows_->durable_lsn(); }
  [[nodiscard]] Status save(Lsn up_to) override { return rows_->save(up_to); }
  [[nodiscard]] Status load() override { return ok_status(); }
  [[nodiscard]] std::string_view file_name() const override { return "state.db"; }
  [[nodiscard]] Result<std::unique_ptr<commit::FileCapture>> capture() override;
  [[nodiscard]] std::uint64_t unsaved_bytes() const override { return rows_->unsaved_bytes(); }
  [[nodiscard]] std::uint64_t cached_bytes() const { return rows_->cached_bytes(); }

 private:
  StateModel(std::unique_ptr<overlay::RowStore> rows, const commit::VisibleLsn& visible, const commit::RoundTime& time);

  std::unique_ptr<overlay::RowStore> rows_;
  const commit::VisibleLsn& visible_;
  const commit::RoundTime& time_;
  StagedState staged_;  // The committer's own.
};

}  // namespace vibrato::kv

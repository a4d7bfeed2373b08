#include "kv/state_model.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vibrato/check.hpp>

namespace vibrato::kv {
namespace {

using overlay::RowEntry;
using overlay::RowPtr;

constexpr std::uint64_t kRowsBetweenChecks = 1024;
constexpr std::array kRecordTypes = {static_cast<std::uint16_t>(format::StateRecord::kPut),
                                     static_cast<std::uint16_t>(format::StateRecord::kDeleted)};

class StateCapture final : public commit::FileCapture {
 public:
  explicit StateCapture(std::unique_ptr<overlay::RowStore::Capture> file) : file_(std::move(file)) {}
  [[nodiscard]] Lsn applied_lsn() const override { return file_->applied_lsn(); }
  [[nodiscard]] Status copy_to(const std::string& path) override { return file_->copy_to(path); }

 private:
  std::unique_ptr<overlay::RowStore::Capture> file_;
};

// The keys of a list: those of the prefix above `after`.
overlay::KeyRange range_of(std::string_view prefix, std::optional<std::string_view> after) {
  overlay::KeyRange range = overlay::range_of_prefix(prefix);
  if (after.has_value() && *after >= range.from) {
    range.from = *after;
    range.from += '\0';  // The next key there could be.
  }
  return range;
}

bool is_put(const wal::StoredRecord& record) {
  return record.type == static_cast<std::uint16_t>(format::StateRecord::kPut);
}

// What it leaves of its key; null if that is nothing.
RowPtr row_in_flight(const wal::StoredRecord& record) {
  if (!is_put(record)) {
    return nullptr;
  }
  const auto put = format::decode_state_put(record.body);
  VIBRATO_CHECK(put.ok());  // Our own writes encoded it.
  auto row = std::make_shared<overlay::Row>();
  row->lsn = record.lsn;
  row->expires_at_ms = put->expires_at_ms;
  return row;
}

Result<StatePage> read_page(overlay::RowView& view, const StateListQuery& query, std::int64_t now_ms) {
  StatePage page;
  std::uint64_t bytes = 0;
  for (std::uint64_t looked_at = 1;; ++looked_at) {
    if (looked_at % kRowsBetweenChecks == 0) {
      VIBRATO_RETURN_IF_ERROR(query.deadline.check());
    }
    VIBRATO_ASSIGN_OR_RETURN(std::optional<RowEntry> entry, view.next());
    if (!entry.has_value()) {
      return page;
    }
    if (is_over(*entry->row, now_ms)) {
      continue;
    }
    bytes += entry->key.size() + entry->row->value.size();
    if (page.items.size() == query.limit || (!page.items.empty() && bytes > query.bytes_max)) {
      page.has_more = true;
      return page;
    }
    page.items.push_back({std::move(entry->key), std::move(entry->row)});
  }
}

}  // namespace

bool is_over(const overlay::Row& row, std::int64_t now_ms) {
  return row.expires_at_ms.has_value() && *row.expires_at_ms <= now_ms;
}

StateModel::StateModel(std::unique_ptr<overlay::RowStore> rows, const commit::VisibleLsn& visible,
                       const commit::RoundTime& time)
    : rows_(std::move(rows)), visible_(visible), time_(time) {}

Result<std::unique_ptr<StateModel>> StateModel::open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                     const commit::VisibleLsn& visible, const commit::RoundTime& time,
                                                     Options options) {
  VIBRATO_ASSIGN_OR_RETURN(auto rows, overlay::RowStore::open(vfs, data_folder + "/state.db", nullptr, options.rows));
  return std::unique_ptr<StateModel>(new StateModel(std::move(rows), visible, time));
}

// The time is asked for first: a key that is renewed by a write that this reader does not see is not over yet.
Result<RowPtr> StateModel::get(std::string_view key) const {
  const std::int64_t now_ms = time_.now_ms();
  VIBRATO_ASSIGN_OR_RETURN(RowPtr row, rows_->get(key, visible_.get()));
  return row && !is_over(*row, now_ms) ? std::move(row) : nullptr;
}

Result<StatePage> StateModel::list(const StateListQuery& query) const {
  const std::int64_t now_ms = time_.now_ms();
  // Nearly always so few are enough; where many are over their time, all of them are needed.
  for (std::size_t rows_above_max = query.limit + 1;; rows_above_max = std::numeric_limits<std::size_t>::max()) {
    VIBRATO_ASSIGN_OR_RETURN(auto view,
                             rows_->view(range_of(query.prefix, query.after), visible_.get(), rows_above_max));
    VIBRATO_ASSIGN_OR_RETURN(StatePage page, read_page(*view, query, now_ms));
    if (page.has_more || !view->is_cut()) {
      return page;
    }
  }
}

Result<std::vector<ChosenKey>> StateModel::choose(std::string_view prefix, std::optional<std::string_view> after,
                                                  const overlay::RowsToChoose& which) const {
  const std::int64_t now_ms = time_.now_ms();
  return overlay::choose_rows(*rows_, range_of(prefix, after), visible_.get(), which,
                              [now_ms](const overlay::Row& row) { return !is_over(row, now_ms); });
}

Result<std::vector<ChosenKey>> StateModel::due(std::int64_t now_ms, std::size_t count) const {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<RowEntry> rows, rows_->expired(now_ms, count, visible_.get()));
  std::vector<ChosenKey> chosen;
  chosen.reserve(rows.size());
  for (RowEntry& entry : rows) {
    chosen.push_back({std::move(entry.key), entry.row->lsn});
  }
  return chosen;
}

Result<RowPtr> StateModel::newest(std::string_view key) {
  if (const wal::StoredRecord* const record = staged_.find(key); record != nullptr) {
    return row_in_flight(*record);
  }
  return rows_->get_newest(key);
}

bool StateModel::none_due(std::int64_t now_ms) const {
  const std::optional<std::int64_t> first = rows_->next_expiry_ms();
  return staged_.next_expiry_ms() > now_ms && (!first.has_value() || *first > now_ms);
}

std::span<const std::uint16_t> StateModel::record_types() const {
  return kRecordTypes;
}

void StateModel::stage(const wal::StoredRecord& record) {
  staged_.stage(record);
}

void StateModel::unstage_from(Lsn lsn) {
  staged_.unstage_from(lsn);
}

Status StateModel::apply(const wal::StoredRecord& record) {
  // In a replay nothing was staged, and nobody reads yet.
  const Lsn visible = staged_.is_empty() ? Lsn(record.lsn.value() - 1) : visible_.get();
  staged_.set_applied(record.lsn);
  if (is_put(record)) {
    VIBRATO_ASSIGN_OR_RETURN(const format::StatePut put, format::decode_state_put(record.body));
    auto row = std::make_shared<overlay::Row>();
    row->lsn = record.lsn;
    row->expires_at_ms = put.expires_at_ms;
    row->value = put.value_json;
    rows_->put(put.key, std::move(row), visible);
  } else {
    VIBRATO_ASSIGN_OR_RETURN(const format::StateDeleted deleted, format::decode_state_deleted(record.body));
    rows_->erase(deleted.key, record.lsn, visible);
  }
  return ok_status();
}

Result<std::unique_ptr<commit::FileCapture>> StateModel::capture() {
  VIBRATO_ASSIGN_OR_RETURN(auto file, rows_->capture());
  return std::unique_ptr<commit::FileCapture>(std::make_unique<StateCapture>(std::move(file)));
}

}  // namespace vibrato::kv

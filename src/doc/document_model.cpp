#include "doc/document_model.hpp"

#include <array>
#include <limits>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "doc/document_key.hpp"
#include "doc/finder.hpp"
#include "doc/index_tables.hpp"
#include "doc/index_thread.hpp"
#include "doc/sort_order.hpp"
#include "format/doc_records.hpp"

namespace vibrato::doc {
namespace {

using overlay::RowPtr;

constexpr std::array kRecordTypes = {static_cast<std::uint16_t>(format::DocRecord::kPut),
                                     static_cast<std::uint16_t>(format::DocRecord::kDeleted)};
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

class DocumentCapture final : public commit::FileCapture {
 public:
  explicit DocumentCapture(std::unique_ptr<overlay::RowStore::Capture> file) : file_(std::move(file)) {}
  [[nodiscard]] Lsn applied_lsn() const override { return file_->applied_lsn(); }
  [[nodiscard]] Status copy_to(const std::string& path) override { return file_->copy_to(path); }

 private:
  std::unique_ptr<overlay::RowStore::Capture> file_;
};

bool is_put(const wal::StoredRecord& record) {
  return record.type == static_cast<std::uint16_t>(format::DocRecord::kPut);
}

Result<RowPtr> row_of(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const format::DocPut put, format::decode_doc_put(record.body));
  auto row = std::make_shared<overlay::Row>();
  row->lsn = record.lsn;
  row->value = put.doc_json;
  return RowPtr(std::move(row));
}

// The documents behind `after`. Ids have no byte 0: the key is above that of `after`, and not above the next one.
overlay::KeyRange range_behind(std::string_view collection, std::optional<std::string_view> after) {
  overlay::KeyRange range = range_of_collection(collection);
  if (after.has_value()) {
    range.from = row_key(collection, *after) + '\0';
  }
  return range;
}

}  // namespace

DocumentModel::DocumentModel(const commit::VisibleLsn& visible, const commit::RoundTime& time, Options options)
    : visible_(visible),
      options_(std::move(options)),
      indexes_(std::make_unique<Indexes>(time, IndexesOptions{.step_rows = options_.index_step_rows})) {}

Result<std::unique_ptr<DocumentModel>> DocumentModel::open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                           const commit::VisibleLsn& visible,
                                                           const commit::RoundTime& time, Options options) {
  std::unique_ptr<DocumentModel> model(new DocumentModel(visible, time, std::move(options)));
  VIBRATO_ASSIGN_OR_RETURN(model->rows_, overlay::RowStore::open(vfs, data_folder + "/docs.db", model->indexes_.get(),
                                                                 model->options_.rows));
  if (model->options_.builds_by_itself) {
    model->builder_ = std::make_unique<IndexThread>([raw = model.get()] { return raw->build_indexes(); });
    if (model->indexes_->has_work()) {
      model->builder_->wake();
    }
  }
  return model;
}

DocumentModel::~DocumentModel() {
  builder_.reset();
  indexes_->close();
}

// ---- Reads ----

Result<RowPtr> DocumentModel::get(std::string_view collection, std::string_view id) const {
  return rows_->get(row_key(collection, id), visible_.get());
}

Result<FoundPage> DocumentModel::find(std::string_view collection, const FindRequest& request) const {
  VIBRATO_CHECK(request.limit > 0 && request.limit <= limits::kPageItemsMax);
  VIBRATO_CHECK(request.sort.size() <= limits::kSortKeysMax);
  const SortOrder order(request.sort);
  std::optional<Place> after;
  if (request.cursor) {
    VIBRATO_ASSIGN_OR_RETURN(after, order.read_cursor(*request.cursor));
  }
  std::optional<std::string_view> id_after;
  if (after && request.sort.empty()) {
    id_after = after->id;
  }
  const bool takes_all = request.filter == nullptr && request.sort.empty();
  FindOutcome outcome;
  {
    VIBRATO_ASSIGN_OR_RETURN(const auto view, rows_->view(range_behind(collection, id_after), visible_.get(),
                                                          takes_all ? request.limit + std::size_t{1} : kAll));
    Finder finder(*view, collection, request, order, after, options_.find);
    VIBRATO_ASSIGN_OR_RETURN(outcome, finder.run());
  }
  for (const std::int64_t index : outcome.used_indexes) {
    indexes_->note_used(index);
  }
  if (outcome.page.examined > options_.unindexed_rows_max) {
    for (const std::string& path : outcome.missed_paths) {
      (void)indexes_->want(collection, path);
    }
  }
  if (builder_ != nullptr && indexes_->has_work()) {
    builder_->wake();
  }
  return std::move(outcome.page);
}

Result<std::vector<ChosenDocument>> DocumentModel::choose(std::string_view collection,
                                                          std::optional<std::string_view> after,
                                                          const overlay::RowsToChoose& which) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto rows,
                           overlay::choose_rows(*rows_, range_behind(collection, after), visible_.get(), which,
                                                [](const overlay::Row&) { return true; }));
  std::vector<ChosenDocument> chosen;
  chosen.reserve(rows.size());
  for (const overlay::ChosenRow& row : rows) {
    chosen.push_back({std::string(split_key(row.key).id), row.revision});
  }
  return chosen;
}

Result<RowPtr> DocumentModel::newest(std::string_view collection, std::string_view id) {
  if (const wal::StoredRecord* const record = staged_.find({collection, id}); record != nullptr) {
    return is_put(*record) ? row_of(*record) : Result<RowPtr>(nullptr);
  }
  return rows_->get_newest(row_key(collection, id));
}

Result<Lsn> DocumentModel::newest_revision(std::string_view collection, std::string_view id) {
  if (const wal::StoredRecord* const record = staged_.find({collection, id}); record != nullptr) {
    return is_put(*record) ? record->lsn : Lsn();
  }
  return rows_->newest_lsn(row_key(collection, id));
}

// ---- commit::FileModel ----

std::span<const std::uint16_t> DocumentModel::record_types() const {
  return kRecordTypes;
}

void DocumentModel::stage(const wal::StoredRecord& record) {
  staged_.stage(record);
}

void DocumentModel::unstage_from(Lsn lsn) {
  staged_.unstage_from(lsn);
}

Status DocumentModel::apply(const wal::StoredRecord& record) {
  // In a replay nothing was staged, and nobody reads yet.
  const Lsn visible = staged_.is_empty() ? Lsn(record.lsn.value() - 1) : visible_.get();
  staged_.set_applied(record.lsn);
  if (is_put(record)) {
    VIBRATO_ASSIGN_OR_RETURN(const format::DocPut put, format::decode_doc_put(record.body));
    VIBRATO_ASSIGN_OR_RETURN(RowPtr row, row_of(record));
    rows_->put(row_key(put.collection, put.id), std::move(row), visible);
  } else {
    VIBRATO_ASSIGN_OR_RETURN(const format::DocDeleted deleted, format::decode_doc_deleted(record.body));
    rows_->erase(row_key(deleted.collection, deleted.id), record.lsn, visible);
  }
  return ok_status();
}

Lsn DocumentModel::durable_lsn() const {
  return rows_->durable_lsn();
}

Status DocumentModel::save(Lsn up_to) {
  return rows_->save(up_to);
}

std::uint64_t DocumentModel::unsaved_bytes() const {
  return rows_->unsaved_bytes();
}

Result<std::unique_ptr<commit::FileCapture>> DocumentModel::capture() {
  VIBRATO_ASSIGN_OR_RETURN(auto file, rows_->capture());
  return std::unique_ptr<commit::FileCapture>(std::make_unique<DocumentCapture>(std::move(file)));
}

Result<bool> DocumentModel::build_indexes() {
  if (options_.may_build && !options_.may_build()) {
    return false;
  }
  return indexes_->build_step(*rows_);
}

}  // namespace vibrato::doc

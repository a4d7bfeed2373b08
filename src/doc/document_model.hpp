// Documents: JSON values by collection and id, with a revision. A model of the log, its rows in "docs.db"
// (overlay/row_store.hpp), with indexes beside them that finds make for themselves (doc/index_tables.hpp).
//
// Invariants:
//   - the revision of a document is the LSN of its last put, so it never goes back, also over deletes;
//   - a collection is there as long as it has documents: it has no number, no settings and no record of its own;
//   - indexes decide how fast a find is, never what it answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/file_model.hpp"
#include "commit/round_time.hpp"
#include "commit/visible_lsn.hpp"
#include "doc/find_request.hpp"
#include "doc/staged_documents.hpp"
#include "overlay/choose_rows.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::doc {

class Indexes;
class IndexThread;

// A document that a reader chose, as it was then.
struct ChosenDocument {
  std::string id;
  Lsn revision;
};

struct DocumentModelOptions {
  overlay::RowStoreOptions rows = {};
  // A find that looks at more documents than this asks for an index that would have spared it.
  std::uint64_t unindexed_rows_max = 1000;
  FindTuning find = {};
  std::size_t index_step_rows = 32'768;  // That one step of building looks at.
  // Indexes are built by a thread of the model's own. Off: build_indexes() does it, when it is called.
  bool builds_by_itself = true;
  // Asked before each step: what is built can wait, and needs disk. Empty: always. Thread-safety: from any thread.
  std::function<bool()> may_build = {};
};

// Thread-safety: as FileModel; reads from any thread.
class DocumentModel final : public commit::FileModel {
 public:
  using Options = DocumentModelOptions;

  // `vfs`, `visible` and `time` outlive it. Errors: those of RowStore::open().
  [[nodiscard]] static Result<std::unique_ptr<DocumentModel>> open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                                   const commit::VisibleLsn& visible,
                                                                   const commit::RoundTime& time, Options options = {});
  ~DocumentModel() override;

  // ---- Reads, of what is visible ----
  // Null if there is none. The row's value is the document as compact JSON text, its LSN the revision.
  [[nodiscard]] Result<overlay::RowPtr> get(std::string_view collection, std::string_view id) const;
  // On a thread that may take its time. Errors: kTimeout, kInvalidArgument (a cursor of another find), kPayloadTooLarge
  // (values to sort by that are too long), kIoError, kCorruption.
  // Requires: what FindRequest says of its fields.
  [[nodiscard]] Result<FoundPage> find(std::string_view collection, const FindRequest& request) const;
  // The documents of a collection in byte order of ids, above `after`. Errors: those of overlay::choose_rows().
  [[nodiscard]] Result<std::vector<ChosenDocument>> choose(std::string_view collection,
                                                           std::optional<std::string_view> after,
                                                           const overlay::RowsToChoose& which) const;

  // ---- For validations ----
  // What the last record of the document in flight or applied left: null if it is absent or deleted.
  [[nodiscard]] Result<overlay::RowPtr> newest(std::string_view collection, std::string_view id);
  // Its revision, 0 then. Does not read the document.
  [[nodiscard]] Result<Lsn> newest_revision(std::string_view collection, std::string_view id);

  // ---- commit::FileModel ----
  [[nodiscard]] std::string_view name() const override { return "documents"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  [[nodiscard]] Lsn durable_lsn() const override;
  [[nodiscard]] Status save(Lsn up_to) override;
  [[nodiscard]] Status load() override { return ok_status(); }
  [[nodiscard]] std::string_view file_name() const override { return "docs.db"; }
  [[nodiscard]] Result<std::unique_ptr<commit::FileCapture>> capture() override;
  [[nodiscard]] std::uint64_t unsaved_bytes() const override;

  // ---- Indexes ----
  // One bounded step of building what finds asked for; false when there is nothing to do, or it may not be done now: a
  // later find wakes the thread again.
  // One thread at a time, and not where the model builds by itself.
  [[nodiscard]] Result<bool> build_indexes();

 private:
  DocumentModel(const commit::VisibleLsn& visible, const commit::RoundTime& time, Options options);

  const commit::VisibleLsn& visible_;
  const Options options_;
  std::unique_ptr<Indexes> indexes_;  // The observer of the rows: outlives them.
  std::unique_ptr<overlay::RowStore> rows_;
  std::unique_ptr<IndexThread> builder_;  // Null without builds_by_itself.
  StagedDocuments staged_;                // The committer's own.
};

}  // namespace vibrato::doc

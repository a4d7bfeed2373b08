#include "doc/staged_documents.hpp"

#include <vibrato/check.hpp>

#include "doc/document_key.hpp"
#include "format/doc_records.hpp"

namespace vibrato::doc {
namespace {

std::string key_of_record(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::DocRecord::kPut)) {
    const auto put = format::decode_doc_put(record.body);
    VIBRATO_CHECK(put.ok());
    return row_key(put->collection, put->id);
  }
  const auto deleted = format::decode_doc_deleted(record.body);
  VIBRATO_CHECK(deleted.ok());
  return row_key(deleted->collection, deleted->id);
}

}  // namespace

void StagedDocuments::stage(const wal::StoredRecord& record) {
  records_.push_back(record);
}

void StagedDocuments::unstage_from(Lsn lsn) {
  while (records_.size() > applied_ && records_.back().lsn >= lsn) {
    records_.pop_back();
  }
  if (in_table_ > records_.size()) {
    forget_table();
  }
  set_applied(Lsn());
}

void StagedDocuments::set_applied(Lsn lsn) {
  while (applied_ < records_.size() && records_[applied_].lsn <= lsn) {
    ++applied_;
  }
  if (applied_ == records_.size()) {
    records_.clear();
    applied_ = 0;
    forget_table();
  }
}

const wal::StoredRecord* StagedDocuments::find(const std::string& key) {
  if (applied_ == records_.size()) {
    return nullptr;
  }
  for (; in_table_ < records_.size(); ++in_table_) {
    newest_[key_of_record(records_[in_table_])] = in_table_;
  }
  const auto found = newest_.find(key);
  return found == newest_.end() || found->second < applied_ ? nullptr : &records_[found->second];
}

void StagedDocuments::forget_table() {
  newest_.clear();
  in_table_ = applied_;
}

}  // namespace vibrato::doc

#include "doc/staged_documents.hpp"

#include <vibrato/check.hpp>

#include "format/doc_records.hpp"

namespace vibrato::doc {

StagedDocumentKeys::Key StagedDocumentKeys::of(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::DocRecord::kPut)) {
    const auto put = format::decode_doc_put(record.body);
    VIBRATO_CHECK(put.ok());  // Our own writes encoded it.
    return {put->collection, put->id};
  }
  const auto deleted = format::decode_doc_deleted(record.body);
  VIBRATO_CHECK(deleted.ok());
  return {deleted->collection, deleted->id};
}

}  // namespace vibrato::doc

// The puts and deletes of documents that are in flight: validated, perhaps logged, not applied yet. For DocumentModel.
//
// Most writes never ask what is in flight (a put without a condition replaces whatever there is), so staging only notes
// the record; the table by key is made when a validation asks for the first time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "wal/log.hpp"

namespace vibrato::doc {

// Borrows the bodies of the records. Thread-safety: one thread.
class StagedDocuments {
 public:
  // Requires: a record of format::DocRecord that decodes, with an LSN above those before.
  void stage(const wal::StoredRecord& record);
  // Forgets the records at and above `lsn`.
  void unstage_from(Lsn lsn);
  // The records up to `lsn` are applied. Their bodies may go.
  void set_applied(Lsn lsn);

  [[nodiscard]] bool is_empty() const { return records_.empty(); }
  // The newest record in flight of the document; null if there is none. `key`: of its row. Valid until the next call of
  // another method.
  [[nodiscard]] const wal::StoredRecord* find(const std::string& key);

 private:
  void forget_table();

  std::vector<wal::StoredRecord> records_;  // By LSN.
  std::size_t applied_ = 0;                 // So many of them, the first, are applied.
  std::size_t in_table_ = 0;                // Up to here they are in the table.
  std::unordered_map<std::string, std::size_t> newest_;
};

}  // namespace vibrato::doc

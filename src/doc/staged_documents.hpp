// The puts and deletes of documents that are in flight (commit/staged_records.hpp), by collection and id. For
// DocumentModel.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "commit/staged_records.hpp"

namespace vibrato::doc {

// Of records of format::DocRecord.
struct StagedDocumentKeys {
  struct Key {
    std::string_view collection;
    std::string_view id;

    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    [[nodiscard]] std::size_t operator()(const Key& key) const noexcept {
      const std::hash<std::string_view> hash;
      return hash(key.id) ^ (hash(key.collection) * 0x9E3779B97F4A7C15U);
    }
  };
  [[nodiscard]] static Key of(const wal::StoredRecord& record);
};

using StagedDocuments = commit::StagedRecords<StagedDocumentKeys>;

}  // namespace vibrato::doc

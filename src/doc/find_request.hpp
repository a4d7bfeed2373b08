// What a find asks, and what it answers. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "filter/condition.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::doc {

// Values are ordered null < false < true < numbers < strings bytewise < arrays and objects, which are all equal;
// documents without the key come last either way.
struct SortKey {
  filter::FieldPath path;
  bool descending = false;
};

struct FindRequest {
  const filter::Filter* filter = nullptr;  // Null: all documents.
  std::vector<SortKey> sort = {};          // At most limits::kSortKeysMax; then by id, bytewise and ascending.
  std::uint32_t limit = 20;                // 1 to limits::kPageItemsMax.
  std::optional<std::string> cursor = std::nullopt;  // FoundPage::next_cursor of a find with the same order.
  std::uint64_t bytes_max = UINT64_MAX;  // Of ids and documents: a page that passes it ends early, one item at least.
  Deadline deadline = {};
};

// When a find goes which way.
struct FindTuning {
  // More candidates than this are not collected: a scan reads rows several times as fast as they are looked up by id.
  std::size_t listed_max_by_id = 20'000;
  std::size_t listed_max_sorted = 100'000;
  // Up to here collecting is as good as walking in the order of ids, or of the sort.
  std::size_t listed_at_once = 1000;
  // How many rows the index on the key to sort by may give, before candidates or a scan are tried instead.
  std::size_t visits_min = 1000;
  std::size_t visits_max = 20'000;
};

struct Document {
  std::string id;
  overlay::RowPtr row;  // Never null, never deleted.

  [[nodiscard]] Lsn revision() const { return row->lsn; }
  [[nodiscard]] const std::string& doc_json() const { return row->value; }
};

struct FoundPage {
  std::vector<Document> documents;
  // Printable text that says where the next page begins; nothing at the end. It holds the place, not a page number: a
  // document that stays as it is comes on one page exactly, whatever is written between.
  std::optional<std::string> next_cursor;
  Lsn as_of;  // All of the page is as of here.
  // For explanations and tests.
  std::uint64_t examined = 0;  // Documents that the filter was asked about.
  bool used_index = false;
};

}  // namespace vibrato::doc

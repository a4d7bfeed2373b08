// Writes the entries of indexes, with statements that it keeps for its connection. For doc/index_tables.cpp.
#pragma once

#include <memory>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "doc/index_entries.hpp"
#include "sqlite/connection.hpp"

namespace vibrato::doc {

// Thread-safety: one thread at a time. Requires: destroyed before the connection is closed.
class EntryWriter {
 public:
  [[nodiscard]] static Result<std::unique_ptr<EntryWriter>> open(sqlite::Connection& file);

  [[nodiscard]] const sqlite::Connection* connection() const { return &file_; }
  // The document as the file has it; nothing if there is none.
  [[nodiscard]] Result<std::optional<std::string>> stored_row(std::string_view key);
  // What the file has of `id` in an index goes from `before` to `after`.
  [[nodiscard]] Status replace(std::int64_t index, std::string_view id, const std::vector<IndexEntry>& before,
                               const std::vector<IndexEntry>& after);
  // Adds one; it may be there.
  [[nodiscard]] Status add(std::int64_t index, std::string_view id, const IndexEntry& entry);

 private:
  EntryWriter(sqlite::Connection& file, sqlite::Statement select, sqlite::Statement insert, sqlite::Statement remove,
              sqlite::Statement note_cut);

  sqlite::Connection& file_;
  sqlite::Statement select_;
  sqlite::Statement insert_;
  sqlite::Statement remove_;
  sqlite::Statement note_cut_;
};

// A document as it is indexed; it reuses its memory. A text that is no JSON has no entries.
class ParsedDocument {
 public:
  void parse(const std::optional<std::string_view>& json);
  [[nodiscard]] std::vector<IndexEntry> entries(const filter::FieldPath& path) const;

 private:
  simdjson::dom::parser parser_;
  std::optional<simdjson::dom::element> root_;
};

}  // namespace vibrato::doc

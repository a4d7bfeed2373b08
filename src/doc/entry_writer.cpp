#include "doc/entry_writer.hpp"

#include <algorithm>
#include <utility>

#include "doc/document_key.hpp"

namespace vibrato::doc {

EntryWriter::EntryWriter(sqlite::Connection& file, sqlite::Statement select, sqlite::Statement insert,
                         sqlite::Statement remove, sqlite::Statement note_cut)
    : file_(file),
      select_(std::move(select)),
      insert_(std::move(insert)),
      remove_(std::move(remove)),
      note_cut_(std::move(note_cut)) {}

Result<std::unique_ptr<EntryWriter>> EntryWriter::open(sqlite::Connection& file) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement select, file.prepare("SELECT value FROM rows WHERE key = ?1"));
  VIBRATO_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      file.prepare("INSERT OR REPLACE INTO document_entries(number, value, id, is_element) VALUES (?1, ?2, ?3, ?4)"));
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement remove,
                           file.prepare("DELETE FROM document_entries WHERE number = ?1 AND value = ?2 AND id = ?3"));
  VIBRATO_ASSIGN_OR_RETURN(
      sqlite::Statement note_cut,
      file.prepare("UPDATE document_indexes SET has_cut_text = 1 WHERE number = ?1 AND has_cut_text = 0"));
  return std::unique_ptr<EntryWriter>(
      new EntryWriter(file, std::move(select), std::move(insert), std::move(remove), std::move(note_cut)));
}

Result<std::optional<std::string>> EntryWriter::stored_row(std::string_view key) {
  sqlite::Rows rows = select_.run(as_blob(key));
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (!found) {
    return std::optional<std::string>();
  }
  std::string json = as_string(rows.blob(0));
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return std::optional(std::move(json));
}

Status EntryWriter::add(std::int64_t index, std::string_view id, const IndexEntry& entry) {
  VIBRATO_RETURN_IF_ERROR(insert_.execute(index, as_blob(entry.value), as_blob(id), entry.is_element));
  return entry.is_cut ? note_cut_.execute(index) : ok_status();
}

Status EntryWriter::replace(std::int64_t index, std::string_view id, const std::vector<IndexEntry>& before,
                            const std::vector<IndexEntry>& after) {
  const auto lacks = [](const std::vector<IndexEntry>& entries, const IndexEntry& entry) {
    const auto at = std::lower_bound(entries.begin(), entries.end(), entry,
                                     [](const IndexEntry& a, const IndexEntry& b) { return a.value < b.value; });
    return at == entries.end() || at->value != entry.value;
  };
  for (const IndexEntry& entry : before) {
    if (lacks(after, entry)) {
      VIBRATO_RETURN_IF_ERROR(remove_.execute(index, as_blob(entry.value), as_blob(id)));
    }
  }
  for (const IndexEntry& entry : after) {  // Also those of before: a step may not have come there yet.
    VIBRATO_RETURN_IF_ERROR(add(index, id, entry));
  }
  return ok_status();
}

void ParsedDocument::parse(const std::optional<std::string_view>& json) {
  root_.reset();
  simdjson::dom::element root;
  if (json && parser_.parse(json->data(), json->size()).get(root) == simdjson::SUCCESS) {
    root_ = root;
  }
}

std::vector<IndexEntry> ParsedDocument::entries(const filter::FieldPath& path) const {
  return root_ ? entries_of(*root_, path) : std::vector<IndexEntry>();
}

}  // namespace vibrato::doc

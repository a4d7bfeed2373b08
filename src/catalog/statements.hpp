// The prepared statements of one table, and reading their rows into structs. Used by the tables of this folder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "sqlite/connection.hpp"

namespace vibrato::catalog {

// Thread-safety: that of the connection, which must outlive it.
class Statements {
 public:
  // Prepares each of `sql`; they are found by their position in it.
  [[nodiscard]] static Result<Statements> prepare(sqlite::Connection& connection,
                                                  std::span<const std::string_view> sql) {
    Statements statements(connection);
    statements.prepared_.reserve(sql.size());
    for (const std::string_view text : sql) {
      VIBRATO_ASSIGN_OR_RETURN(auto statement, connection.prepare(text));
      statements.prepared_.push_back(std::make_unique<sqlite::Statement>(std::move(statement)));
    }
    return statements;
  }

  // Running a statement changes it, not the table: const tables read.
  [[nodiscard]] sqlite::Statement& operator[](std::size_t position) const { return *prepared_[position]; }
  [[nodiscard]] sqlite::Connection& connection() const { return *connection_; }

 private:
  explicit Statements(sqlite::Connection& connection) : connection_(&connection) {}

  sqlite::Connection* connection_;
  std::vector<std::unique_ptr<sqlite::Statement>> prepared_;
};

// All rows of a run, each made by `read(rows)`.
template <typename Read>
[[nodiscard]] auto read_all(sqlite::Rows&& rows, const Read& read) -> Result<std::vector<decltype(read(rows))>> {
  std::vector<decltype(read(rows))> all;
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
    if (!found) {
      return all;
    }
    all.push_back(read(rows));
    VIBRATO_RETURN_IF_ERROR(rows.status());
  }
}

// The first row of a run, if there is one.
template <typename Read>
[[nodiscard]] auto read_first(sqlite::Rows&& rows, const Read& read) -> Result<std::optional<decltype(read(rows))>> {
  std::optional<decltype(read(rows))> first;
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (found) {
    first = read(rows);
    VIBRATO_RETURN_IF_ERROR(rows.status());
  }
  return first;
}

}  // namespace vibrato::catalog

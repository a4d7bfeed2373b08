// The indexes of one collection, as one state of the file has them. For doc/finder.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "doc/index_tables.hpp"
#include "doc/value_key.hpp"
#include "sqlite/connection.hpp"

namespace vibrato::doc {

// Takes an id; false: it wants no more.
using TakeId = std::function<Result<bool>(const std::string& id)>;

// Thread-safety: that of the connection, which outlives it.
class IndexReader {
 public:
  IndexReader(sqlite::Connection& file, std::string_view collection, const Deadline& deadline)
      : file_(file), collection_(collection), deadline_(deadline) {}

  // If it is complete.
  [[nodiscard]] Result<std::optional<UsableIndex>> find(std::string_view path) {
    return Indexes::find(file_, collection_, path);
  }
  // Entries in the ranges; `max` if there are as many or more.
  [[nodiscard]] Result<std::size_t> count(const UsableIndex& index, const std::vector<ValueRange>& ranges,
                                          std::size_t max);
  // Of the entries in the ranges, above `after`: ascending, each once.
  [[nodiscard]] Result<std::vector<std::string>> ids(const UsableIndex& index, const std::vector<ValueRange>& ranges,
                                                     std::string_view after);
  // Of the entries of one value, above `after`: ascending. `whole`: those where the value is no element of an array.
  [[nodiscard]] Status each_of_value(const UsableIndex& index, std::string_view value, std::string_view after,
                                     bool whole, const TakeId& take);
  // The least value in the range, or the greatest.
  [[nodiscard]] Result<std::optional<std::string>> least(const UsableIndex& index, const ValueRange& range);
  [[nodiscard]] Result<std::optional<std::string>> greatest(const UsableIndex& index, const ValueRange& range);

 private:
  // Prepared once. `sql` is constant.
  [[nodiscard]] Result<sqlite::Statement*> statement(std::string_view sql);
  // The deadline, every so many calls.
  [[nodiscard]] Status check_time();
  [[nodiscard]] Result<std::optional<std::string>> one_value(std::string_view sql, const UsableIndex& index,
                                                             const ValueRange& range);

  sqlite::Connection& file_;
  const std::string collection_;
  const Deadline deadline_;
  std::uint32_t steps_ = 0;
  std::map<std::string_view, sqlite::Statement> statements_;
};

}  // namespace vibrato::doc

// A table of texts in columns, as people read it.
#pragma once

#include <string>
#include <vector>

namespace vibrato::app {

struct TableColumn {
  std::string name;
  bool is_number = false;  // To the right, under its name.
};

// A line of names, then one a row; columns are two blanks apart, and no line ends with blanks. Width counts characters
// of UTF-8, not bytes. Requires: as many cells in each row as there are columns.
[[nodiscard]] std::string format_table(const std::vector<TableColumn>& columns,
                                       const std::vector<std::vector<std::string>>& rows);

}  // namespace vibrato::app

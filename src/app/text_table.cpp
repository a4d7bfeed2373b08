#include "app/text_table.hpp"

#include <algorithm>
#include <cstddef>
#include <vibrato/check.hpp>

namespace vibrato::app {
namespace {

std::size_t width_of(const std::string& text) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

void add_cell(const std::string& text, std::size_t width, bool to_the_right, std::string& line) {
  const std::string blanks(width - width_of(text), ' ');
  line += to_the_right ? blanks + text : text + blanks;
}

}  // namespace

std::string format_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<std::string> names;
  for (const TableColumn& column : columns) {
    widths.push_back(width_of(column.name));
    names.push_back(column.name);
  }
  for (const std::vector<std::string>& row : rows) {
    VIBRATO_CHECK(row.size() == columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += i == 0 ? "" : "  ";
      add_cell(cells[i], widths[i], columns[i].is_number, line);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line(names);
  for (const std::vector<std::string>& row : rows) {
    add_line(row);
  }
  return text;
}

}  // namespace vibrato::app

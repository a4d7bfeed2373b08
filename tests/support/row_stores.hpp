// Rows and stores of them, and what reads of them answer, as text.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "overlay/row_store.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

inline overlay::RowPtr made_row(std::uint64_t lsn, std::string value,
                                std::optional<std::int64_t> expires_at_ms = std::nullopt) {
  auto row = std::make_shared<overlay::Row>();
  row->lsn = Lsn(lsn);
  row->value = std::move(value);
  row->expires_at_ms = expires_at_ms;
  return row;
}

inline std::unique_ptr<overlay::RowStore> open_rows(sqlite::Vfs& vfs, overlay::RowObserver* observer = nullptr,
                                                    const std::string& path = "/rows.db",
                                                    std::size_t cached_rows_bytes_max = 1024 * 1024) {
  auto opened = overlay::RowStore::open(vfs, path, observer, {.cached_rows_bytes_max = cached_rows_bytes_max});
  EXPECT_OK(opened);
  return opened.ok() ? std::move(opened).value() : nullptr;
}

inline std::string value_of_row(const Result<overlay::RowPtr>& row) {
  EXPECT_OK(row);
  return row.ok() ? (*row ? (*row)->value : "(none)") : "(error)";
}

inline std::string value_at(const overlay::RowStore& store, std::string_view key, std::uint64_t as_of = 1'000'000) {
  return value_of_row(store.get(key, Lsn(as_of)));
}

// "a=1 b=2".
inline std::string rest_of_view(overlay::RowView& view) {
  std::string text;
  for (;;) {
    auto entry = view.next();
    EXPECT_OK(entry);
    if (!entry.ok() || !entry->has_value()) {
      return text;
    }
    text += (text.empty() ? "" : " ") + (*entry)->key + "=" + (*entry)->row->value;
  }
}

inline std::string rows_in_range(const overlay::RowStore& store, const overlay::KeyRange& range,
                                 std::uint64_t as_of = 1'000'000) {
  auto view = store.view(range, Lsn(as_of));
  EXPECT_OK(view);
  return view.ok() ? rest_of_view(**view) : "(error)";
}

}  // namespace vibrato::test

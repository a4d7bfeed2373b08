#include "format/id_section.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "format/little_endian.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void append(std::vector<std::byte>& out, std::uint64_t value) {
  append(out, std::as_bytes(std::span(&value, 1)));
}
void append(std::vector<std::byte>& out, std::string_view text) {
  append(out, std::as_bytes(std::span(text.data(), text.size())));
}

std::vector<std::byte> numbers(const std::vector<std::uint64_t>& ids) {
  std::vector<std::byte> out;
  append(out, encode_ids_header({IdsLayout::kNumbers, static_cast<std::uint32_t>(ids.size()), 0}));
  for (const std::uint64_t id : ids) {
    append(out, id);
  }
  return out;
}

// 7, "ab", 0, "" and "c".
std::vector<std::byte> mixed() {
  std::vector<std::byte> out;
  append(out, encode_ids_header({IdsLayout::kMixed, 5, 3}));
  append(out, 7);
  append(out, ids_text_slot(0, 2));
  append(out, 0);
  append(out, ids_text_slot(2, 0));
  append(out, ids_text_slot(2, 1));
  append(out, 0b11010);
  append(out, "abc");
  return out;
}

TEST(IdSection, numbers_take_eight_bytes_a_row) {
  const auto bytes = numbers({5, 0, ~std::uint64_t{0}});
  EXPECT_EQ(bytes.size(), kIdsHeaderBytes + 3 * 8);
  const auto ids = parse_ids_section(bytes, 3, 0);
  ASSERT_OK(ids);
  EXPECT_EQ(ids->get(0), (PointIdView{false, 5, {}}));
  EXPECT_EQ(ids->get(2), (PointIdView{false, ~std::uint64_t{0}, {}}));
  EXPECT_OK(check_ids(*ids, 0));
}

TEST(IdSection, texts_and_numbers_stand_side_by_side) {
  const auto bytes = mixed();
  const auto ids = parse_ids_section(bytes, 5, 0);
  ASSERT_OK(ids);
  EXPECT_EQ(ids->get(0), (PointIdView{false, 7, {}}));
  EXPECT_EQ(ids->get(1), (PointIdView{true, 0, "ab"}));
  EXPECT_EQ(ids->get(2), (PointIdView{false, 0, {}}));
  EXPECT_EQ(ids->get(3), (PointIdView{true, 0, ""}));
  EXPECT_EQ(ids->get(4), (PointIdView{true, 0, "c"}));
  EXPECT_EQ(ids->offset_of(ids->get(4).text), bytes.size() - 1);
  EXPECT_OK(check_ids(*ids, 0));
}

TEST(IdSection, holds_no_rows) {
  const auto bytes = numbers({});
  const auto ids = parse_ids_section(bytes, 0, 0);
  ASSERT_OK(ids);
  EXPECT_OK(check_ids(*ids, 0));
}

TEST(IdSection, refuses_headers_and_lengths_that_do_not_fit) {
  const auto good = mixed();
  const struct {
    std::size_t at;
    std::uint32_t value;
  } cases[] = {{0, 2}, {0, 0}, {4, 4}, {4, 6}, {8, 2}, {8, 4}, {14, 0xffff}, {16, 1}, {60, 1}};
  for (const auto& item : cases) {
    auto bad = good;
    store_le(std::span(bad), item.at, item.value);
    EXPECT_CODE(parse_ids_section(bad, 5, 0), ErrorCode::kCorruption) << item.at << " = " << item.value;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_CODE(parse_ids_section(std::span(good).first(size), 5, 0), ErrorCode::kCorruption) << size;
  }
}

TEST(IdSection, a_text_outside_the_section_reads_as_empty_and_is_named) {
  for (const std::uint64_t slot : {ids_text_slot(2, 2), ids_text_slot(4, 0), ~std::uint64_t{0}}) {
    auto bad = mixed();
    store_le(std::span(bad), IdsView::slot_offset(4), slot);
    const auto ids = parse_ids_section(bad, 5, 1000);
    ASSERT_OK(ids);
    EXPECT_FALSE(ids->is_in_range(4));
    EXPECT_EQ(ids->get(4), (PointIdView{true, 0, ""}));
    const Status status = check_ids(*ids, 1000);
    EXPECT_EQ(status.code(), ErrorCode::kCorruption);
    EXPECT_EQ(status.message().find("offset 1096: text of the id of row 4"), 0U) << status.message();
  }
}

TEST(IdSection, check_finds_overlapping_texts_unused_bytes_and_bits_behind_the_rows) {
  auto bad = mixed();
  store_le(std::span(bad), IdsView::slot_offset(4), ids_text_slot(1, 1));
  EXPECT_CODE(check_ids(*parse_ids_section(bad, 5, 0), 0), ErrorCode::kCorruption);
  bad = mixed();
  store_le(std::span(bad), IdsView::slot_offset(4), ids_text_slot(2, 0));
  EXPECT_CODE(check_ids(*parse_ids_section(bad, 5, 0), 0), ErrorCode::kCorruption);
  bad = mixed();
  bad[IdsView::slot_offset(5)] |= std::byte{32};
  EXPECT_CODE(check_ids(*parse_ids_section(bad, 5, 0), 0), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format

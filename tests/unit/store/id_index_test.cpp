#include "store/id_index.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/real_file_system.hpp"
#include "support/id_rows.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::store {
namespace {

class IdIndexTest : public ::testing::Test {
 protected:
  void write(const std::vector<test::IdRow>& rows, bool with_tables = true) {
    ASSERT_OK(test::write_id_file(fs_, path_, rows, with_tables));
    auto opened = VdbFile::open(fs_, path_);
    ASSERT_OK(opened);
    file_ = std::move(*opened);
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("ids.vdb");
  std::unique_ptr<VdbFile> file_;
};

void expect_finds_newest_rows(const IdIndex& index, const std::vector<test::IdRow>& rows) {
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    const auto id = index.id(row);
    ASSERT_OK(id);
    ASSERT_EQ(PointId(*id), rows[row].id);
    ASSERT_EQ(index.row_lsn(row).value(), rows[row].lsn);
    const auto found = index.find(rows[row].id.view());
    ASSERT_OK(found);
    ASSERT_EQ(*found, test::newest_row(rows, rows[row].id.view())) << row;
  }
}

TEST_F(IdIndexTest, finds_the_newest_row_of_every_id) {
  for (const std::uint32_t count : {1U, 2U, 63U, 64U, 65U, 3000U}) {
    for (const bool with_texts : {false, true}) {
      const auto rows = test::made_id_rows(count, 77 + count, with_texts);
      write(rows);
      const auto index = IdIndex::open(*file_);
      ASSERT_OK(index);
      expect_finds_newest_rows(*index, rows);
      EXPECT_OK(file_->verify());
    }
  }
}

TEST_F(IdIndexTest, finds_nothing_for_ids_that_are_not_there) {
  write(test::made_id_rows(1000, 5));
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const PointId text("absent " + std::to_string(i));
    EXPECT_EQ(index->find(text.view()).value(), std::nullopt);
    EXPECT_EQ(index->find(PointId(1'000'000 + i).view()).value(), std::nullopt);
  }
}

TEST_F(IdIndexTest, a_number_is_not_the_text_that_shows_it) {
  write({{PointId(7), Lsn(1)}, {PointId("7"), Lsn(2)}});
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  EXPECT_EQ(index->find(PointId(7).view()).value(), 0U);
  EXPECT_EQ(index->find(PointId("7").view()).value(), 1U);
}

TEST_F(IdIndexTest, works_without_hash_and_without_order) {
  const auto rows = test::made_id_rows(300, 9);
  write(rows, /*with_tables=*/false);
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  EXPECT_FALSE(index->has_order());
  expect_finds_newest_rows(*index, rows);
  EXPECT_EQ(index->find(PointId("absent").view()).value(), std::nullopt);
  EXPECT_OK(file_->verify());
}

// The same id in every row: no seed makes its chain short, were it not that the table holds the newest row alone.
TEST_F(IdIndexTest, holds_one_entry_for_an_id_that_comes_often) {
  std::vector<test::IdRow> rows;
  for (std::uint32_t i = 0; i < 500; ++i) {
    rows.push_back({PointId("same"), Lsn(1 + (i * 7) % 500)});
  }
  write(rows);
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  EXPECT_EQ(index->find(PointId("same").view()).value(), test::newest_row(rows, PointId("same").view()));
  EXPECT_OK(file_->verify());
}

TEST_F(IdIndexTest, orders_numbers_before_texts_and_newer_rows_first) {
  const auto rows = test::made_id_rows(2000, 31);
  write(rows);
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  std::vector<std::uint32_t> expected(rows.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    expected[i] = i;
  }
  std::sort(expected.begin(), expected.end(), [&rows](std::uint32_t a, std::uint32_t b) {
    return rows[a].id != rows[b].id     ? rows[a].id < rows[b].id
           : rows[a].lsn != rows[b].lsn ? rows[a].lsn > rows[b].lsn
                                        : a > b;
  });
  for (std::uint32_t rank = 0; rank < rows.size(); ++rank) {
    ASSERT_EQ(index->at_rank(rank).value(), expected[rank]) << rank;
    ASSERT_EQ(index->rank(expected[rank]).value(), rank);
  }
  const PointId text("x");
  const auto at = index->lower_bound(text.view());
  ASSERT_OK(at);
  EXPECT_TRUE(*at == rows.size() || !(rows[expected[*at]].id < text));
  EXPECT_TRUE(*at == 0 || rows[expected[*at - 1]].id < text);
  EXPECT_EQ(index->lower_bound(PointId(std::string(60, 'z')).view()).value(), rows.size());
}

TEST_F(IdIndexTest, texts_of_every_length_come_back) {
  std::vector<test::IdRow> rows;
  for (std::size_t length = 0; length < 300; ++length) {
    rows.push_back({PointId(std::string(length, static_cast<char>(length))), Lsn(length + 1)});
  }
  write(rows);
  const auto index = IdIndex::open(*file_);
  ASSERT_OK(index);
  expect_finds_newest_rows(*index, rows);
}

TEST_F(IdIndexTest, columns_refuse_what_cannot_be_stored) {
  IdColumns columns(fs_, path_);
  EXPECT_CODE(columns.add(PointId(1).view(), Lsn(0)), ErrorCode::kInvalidArgument);
  EXPECT_OK(columns.add(PointId(std::string(65'535, 'a')).view(), Lsn(1)));
  EXPECT_CODE(columns.add(PointId(std::string(65'536, 'a')).view(), Lsn(1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(columns.rows(), 1U);
}

TEST_F(IdIndexTest, needs_ids_and_lsns) {
  auto writer = VdbRowWriter::create(fs_, path_, {.dim = 2});
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->add(std::vector<float>{1, 2}, ""));
  ASSERT_OK((*writer)->commit());
  const auto file = VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  EXPECT_FALSE(IdIndex::is_in(**file));
  EXPECT_CODE(IdIndex::open(**file), ErrorCode::kCorruption);
}

TEST_F(IdIndexTest, a_file_can_be_read_while_it_is_written) {
  const auto rows = test::made_id_rows(2000, 3);
  auto writer = VdbRowWriter::create(fs_, path_, {.dim = 2});
  ASSERT_OK(writer);
  ASSERT_OK(test::write_id_rows(**writer, fs_, path_, rows, /*with_tables=*/false));
  ASSERT_OK((*writer)->writer().make_readable());
  const auto image = VdbFile::open(fs_, (*writer)->writer().temporary_path());
  ASSERT_OK(image);
  EXPECT_OK((*image)->verify());
  ASSERT_OK(write_id_tables((*writer)->writer(), **image));
  ASSERT_OK((*writer)->writer().commit());
  const auto file = VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  EXPECT_OK((*file)->verify());
  const auto index = IdIndex::open(**file);
  ASSERT_OK(index);
  EXPECT_TRUE(index->has_order());
  expect_finds_newest_rows(*index, rows);
}

}  // namespace
}  // namespace vibrato::store

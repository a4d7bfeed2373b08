#include "store/vdb_row_writer.hpp"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_rewrite.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"
#include "support/vdb_bytes.hpp"
#include "support/vdb_legacy_bytes.hpp"

namespace vibrato::store {
namespace {

using format::SectionKind;

std::string meta_of_row(std::uint32_t row) {
  return row % 3 == 0 ? std::string() : R"({"row":)" + std::to_string(row) + "}";
}

class VdbRowWriterTest : public ::testing::Test {
 protected:
  std::unique_ptr<VdbRowWriter> create(std::uint32_t dim, Metric metric, const std::string& path) {
    auto writer = VdbRowWriter::create(fs_, path, {.dim = dim, .metric = metric});
    EXPECT_OK(writer);
    return std::move(writer).value();
  }
  std::unique_ptr<VdbFile> open(const std::string& path) {
    auto file = VdbFile::open(fs_, path);
    EXPECT_OK(file);
    return std::move(file).value();
  }
  std::vector<float> random_row(std::uint32_t dim) {
    std::vector<float> row(dim);
    for (float& value : row) {
      value = static_cast<float>(random_.normal());
    }
    return row;
  }
  void put(const std::vector<std::byte>& bytes) {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::size_t files() { return fs_.list_directory(folder_.path()).value().size(); }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("rows.vdb");
  Random random_{7};
};

// Enough rows that every spool goes through its file.
TEST_F(VdbRowWriterTest, stores_rows_norms_and_meta_as_they_come) {
  constexpr std::uint32_t kRows = 100'000;
  constexpr std::uint32_t kDim = 5;
  std::vector<std::vector<float>> rows;
  {
    const auto writer = create(kDim, Metric::kCosine, path_);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      rows.push_back(random_row(kDim));
      ASSERT_OK(writer->add(rows.back(), meta_of_row(row)));
    }
    EXPECT_EQ(files(), 4U) << "the file and three spools";
    ASSERT_OK(writer->commit(std::vector{section_of(SectionKind::kBuildInfo, R"({"by":"test"})")}));
  }
  EXPECT_EQ(files(), 1U);
  const auto file = open(path_);
  ASSERT_OK(file->verify());
  EXPECT_EQ(file->metric(), Metric::kCosine);
  EXPECT_EQ(file->build_info(), R"({"by":"test"})");
  ASSERT_EQ(file->rows(), kRows);
  ASSERT_EQ(file->inverse_norms().size(), kRows);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    const auto stored = file->vectors().row(row);
    ASSERT_TRUE(std::equal(stored.begin(), stored.end(), rows[row].begin(), rows[row].end())) << row;
    ASSERT_EQ(file->meta_json(row).value(), meta_of_row(row)) << row;
    ASSERT_EQ(file->inverse_norms()[row], inverse_norm(rows[row])) << row;
  }
}

TEST_F(VdbRowWriterTest, stores_norms_for_cosine_and_meta_when_there_is_any) {
  const auto writer = create(2, Metric::kDot, path_);
  ASSERT_OK(writer->add(std::vector<float>{1, 2}, ""));
  ASSERT_OK(writer->commit());
  const auto file = open(path_);
  EXPECT_TRUE(file->inverse_norms().empty());
  EXPECT_FALSE(file->has_meta());
  EXPECT_EQ(file->layout().sections.size(), 1U);
}

TEST_F(VdbRowWriterTest, stores_a_file_without_rows) {
  ASSERT_OK(create(2, Metric::kCosine, path_)->commit());
  const auto file = open(path_);
  EXPECT_EQ(file->rows(), 0U);
  EXPECT_OK(file->verify());
}

TEST_F(VdbRowWriterTest, refuses_rows_that_cannot_be_searched_and_names_them) {
  const auto writer = create(2, Metric::kDot, path_);
  ASSERT_OK(writer->add(std::vector<float>{1, 2}, ""));
  EXPECT_CODE(writer->add(std::vector<float>{1, 2, 3}, ""), ErrorCode::kDimMismatch);
  const Status nan = writer->add(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, "");
  EXPECT_CODE(nan, ErrorCode::kInvalidArgument);
  EXPECT_EQ(nan.message(), "row 1: value 1 is not a finite number");
  EXPECT_CODE(writer->add(std::vector<float>{std::numeric_limits<float>::infinity(), 0}, ""),
              ErrorCode::kInvalidArgument);
  EXPECT_EQ(writer->rows(), 1U);
  ASSERT_OK(writer->commit());
  EXPECT_EQ(open(path_)->rows(), 1U) << "a refused row leaves no trace";
}

TEST_F(VdbRowWriterTest, appends_a_file_and_new_rows_in_place_of_it) {
  {
    const auto writer = create(3, Metric::kL2, path_);
    ASSERT_OK(writer->add(std::vector<float>{1, 2, 3}, "[1]"));
    ASSERT_OK(writer->add(std::vector<float>{4, 5, 6}, ""));
    ASSERT_OK(writer->commit());
  }
  const auto old = open(path_);
  const auto writer = create(3, Metric::kL2, path_);
  ASSERT_OK(writer->add_all(*old));
  ASSERT_OK(writer->add(std::vector<float>{7, 8, 9}, "[3]"));
  ASSERT_OK(writer->commit());
  const auto file = open(path_);
  ASSERT_EQ(file->rows(), 3U);
  EXPECT_EQ(file->vectors().row(1)[2], 6.0F);
  EXPECT_EQ(file->vectors().row(2)[0], 7.0F);
  EXPECT_EQ(file->meta_json(0).value(), "[1]");
  EXPECT_EQ(file->meta_json(1).value(), "");
  EXPECT_EQ(file->meta_json(2).value(), "[3]");
  EXPECT_EQ(old->rows(), 2U) << "the old map stays as it was";
}

TEST_F(VdbRowWriterTest, does_not_copy_rows_from_damaged_blocks) {
  auto vdb = test::small_vdb();
  vdb.file[4097] ^= std::byte{1};
  put(vdb.file);
  const auto damaged = open(path_);
  const auto writer = create(2, Metric::kDot, folder_.path("new.vdb"));
  EXPECT_CODE(writer->add_all(*damaged), ErrorCode::kCorruption);
  EXPECT_CODE(copy_with_sections(fs_, *damaged, path_, {}), ErrorCode::kCorruption);
  EXPECT_EQ(open(path_)->vectors().row(0)[1], 1.5F) << "the source is still there";
}

TEST(InverseNorm, is_finite_for_every_finite_vector) {
  EXPECT_EQ(inverse_norm(std::vector<float>{3, 4}), 0.2F);
  EXPECT_EQ(inverse_norm(std::vector<float>{0, 0}), 0.0F);
  const float big = std::numeric_limits<float>::max();
  const float small = std::numeric_limits<float>::denorm_min();
  EXPECT_TRUE(std::isfinite(inverse_norm(std::vector<float>{big, big})));
  EXPECT_GT(inverse_norm(std::vector<float>{big, big}), 0.0F);
  EXPECT_EQ(inverse_norm(std::vector<float>{small}), big);
}

TEST_F(VdbRowWriterTest, copies_a_file_with_added_replaced_and_dropped_sections) {
  {
    const auto writer = create(2, Metric::kCosine, path_);
    ASSERT_OK(writer->add(std::vector<float>{3, 4}, R"({"a":1})"));
    ASSERT_OK(writer->commit(
        std::vector{section_of(SectionKind::kBuildInfo, "{}"), section_of(SectionKind::kCodes, "old codes")}));
  }
  const std::vector<NewSection> sections = {section_of(SectionKind::kGraph, "graph"),
                                            section_of(SectionKind::kBuildInfo, R"({"new":1})")};
  const std::vector<SectionKind> dropped = {SectionKind::kCodes};
  ASSERT_OK(copy_with_sections(fs_, *open(path_), path_, sections, dropped));
  const auto file = open(path_);
  ASSERT_OK(file->verify());
  EXPECT_EQ(file->vectors().row(0)[1], 4.0F);
  EXPECT_EQ(file->inverse_norms()[0], 0.2F);
  EXPECT_EQ(file->meta_json(0).value(), R"({"a":1})");
  EXPECT_EQ(file->build_info(), R"({"new":1})");
  EXPECT_FALSE(file->section(SectionKind::kCodes).has_value());
  ASSERT_TRUE(file->section(SectionKind::kGraph).has_value());
  EXPECT_EQ(file->section(SectionKind::kGraph)->size(), 5U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(VdbRowWriterTest, converts_versions_1_and_2_on_the_way) {
  const std::vector<test::LegacyMeta> metas = {{"a.wav", 0, 0, 0, ""}, {}};
  for (const auto& old : {test::make_vdb_version_1(2, 3), test::make_vdb_version_2(2, 3, metas, "VIBGRAPH")}) {
    put(old);
    const auto source = open(path_);
    ASSERT_OK(copy_with_sections(fs_, *source, path_, std::vector{section_of(SectionKind::kGraph, "graph")}));
    const auto file = open(path_);
    EXPECT_EQ(file->version(), 3U);
    EXPECT_EQ(file->metric(), Metric::kDot);
    EXPECT_EQ(file->vectors().row(1)[2], 5.25F);
    EXPECT_EQ(file->meta_json(0).value(), source->meta_json(0).value());
    EXPECT_EQ(file->has_meta(), source->has_meta());
    EXPECT_TRUE(file->section(SectionKind::kGraph).has_value());
    EXPECT_OK(file->verify());
  }
}

TEST_F(VdbRowWriterTest, publishes_nothing_when_a_section_cannot_be_written) {
  const auto writer = create(1, Metric::kDot, path_);
  ASSERT_OK(writer->add(std::vector<float>{1}, ""));
  const NewSection failing{SectionKind::kGraph, [](VdbWriter&) { return io_error("made to fail"); }};
  EXPECT_CODE(writer->commit(std::vector{failing}), ErrorCode::kIoError);
  EXPECT_CODE(fs_.stat(path_), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vibrato::store

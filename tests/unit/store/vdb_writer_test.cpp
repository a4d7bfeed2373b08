#include "store/vdb_writer.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"
#include "support/vdb_bytes.hpp"

namespace vibrato::store {
namespace {

using format::SectionKind;

class VdbWriterTest : public ::testing::Test {
 protected:
  std::unique_ptr<VdbWriter> create(std::uint32_t dim, Metric metric = Metric::kDot) {
    auto writer = VdbWriter::create(fs_, path_, {.dim = dim, .metric = metric});
    EXPECT_OK(writer);
    return std::move(writer).value();
  }
  std::vector<std::byte> file_bytes() {
    const auto map = fs_.map_read_only(path_);
    EXPECT_OK(map);
    return {(*map)->bytes().begin(), (*map)->bytes().end()};
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto listed = fs_.list_directory(folder_.path());
    EXPECT_OK(listed);
    for (const auto& info : *listed) {
      found.push_back(info.name);
    }
    return found;
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("rows.vdb");
};

// The bytes are assembled twice, by code that shares only the header and entry encoders.
TEST_F(VdbWriterTest, writes_byte_for_byte_what_the_format_says) {
  const auto expected = test::small_vdb();
  const auto writer = create(2);
  ASSERT_OK(writer->begin_section(SectionKind::kVectors));
  for (const float first : {0.5F, 2.5F, 4.5F}) {
    ASSERT_OK(writer->append_row(std::vector<float>{first, first + 1}));
  }
  ASSERT_OK(writer->end_section());
  for (std::size_t i = 1; i < expected.entries.size(); ++i) {
    const auto& entry = expected.entries[i];
    ASSERT_OK(writer->begin_section(static_cast<SectionKind>(entry.kind)));
    ASSERT_OK(writer->append(expected.part(entry.offset, entry.length)));
    ASSERT_OK(writer->end_section());
  }
  ASSERT_OK(writer->commit());
  EXPECT_EQ(file_bytes(), expected.file);
  EXPECT_EQ(names(), std::vector<std::string>{"rows.vdb"});
}

TEST_F(VdbWriterTest, gives_the_same_file_however_the_bytes_are_cut_into_appends) {
  std::vector<std::byte> body(300'000);
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<std::byte>(i * 7 + i / 251);
  }
  const test::VdbBytes expected(0, 3, Metric::kL2,
                                {test::make_vectors(0, 3), test::make_section(SectionKind::kBuildInfo, body, 65536)});
  for (const std::size_t step : {1U, 1000U, 65'536U, 70'001U, 300'000U}) {
    const auto writer = create(3, Metric::kL2);
    ASSERT_OK(writer->begin_section(SectionKind::kVectors));
    ASSERT_OK(writer->end_section());
    ASSERT_OK(writer->begin_section(SectionKind::kBuildInfo, 65536));
    for (std::size_t at = 0; at < body.size(); at += step) {
      ASSERT_OK(writer->append(std::span(body).subspan(at, std::min(step, body.size() - at))));
    }
    ASSERT_OK(writer->end_section());
    ASSERT_OK(writer->commit());
    EXPECT_EQ(file_bytes(), expected.file) << "appends of " << step;
  }
}

TEST_F(VdbWriterTest, leaves_nothing_behind_without_a_commit) {
  {
    const auto writer = create(2);
    ASSERT_OK(writer->begin_section(SectionKind::kVectors));
    ASSERT_OK(writer->append(std::vector<std::byte>(1'000'000)));
    EXPECT_EQ(names().size(), 1U);
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(VdbWriterTest, keeps_the_old_file_until_the_commit) {
  std::ofstream(path_) << "old";
  const auto writer = create(2);
  ASSERT_OK(writer->begin_section(SectionKind::kVectors));
  ASSERT_OK(writer->append_row(std::vector<float>{1, 2}));
  ASSERT_OK(writer->end_section());
  EXPECT_EQ(file_bytes().size(), 3U);
  ASSERT_OK(writer->commit());
  const auto file = VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  EXPECT_EQ((*file)->rows(), 1U);
}

TEST_F(VdbWriterTest, lets_two_writers_of_one_path_work_side_by_side) {
  const auto first = create(1);
  const auto second = create(1);
  for (const auto& [writer, value] : {std::pair(first.get(), 1.0F), std::pair(second.get(), 2.0F)}) {
    ASSERT_OK(writer->begin_section(SectionKind::kVectors));
    ASSERT_OK(writer->append_row(std::vector<float>{value}));
    ASSERT_OK(writer->end_section());
  }
  ASSERT_OK(second->commit());
  ASSERT_OK(first->commit());
  const auto file = VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  EXPECT_EQ((*file)->vectors().row(0)[0], 1.0F);
  EXPECT_OK((*file)->verify());
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(VdbWriterTest, publishes_nothing_whose_sections_do_not_fit_together) {
  const auto no_vectors = create(1);
  EXPECT_CODE(no_vectors->commit(), ErrorCode::kInternal);

  const auto torn_row = create(1);
  ASSERT_OK(torn_row->begin_section(SectionKind::kVectors));
  ASSERT_OK(torn_row->append(std::vector<std::byte>(100)));
  ASSERT_OK(torn_row->end_section());
  EXPECT_CODE(torn_row->commit(), ErrorCode::kInternal);

  const auto few_norms = create(1, Metric::kCosine);
  ASSERT_OK(few_norms->begin_section(SectionKind::kVectors));
  ASSERT_OK(few_norms->append_row(std::vector<float>{1}));
  ASSERT_OK(few_norms->end_section());
  ASSERT_OK(few_norms->begin_section(SectionKind::kInverseNorms));
  ASSERT_OK(few_norms->end_section());
  EXPECT_CODE(few_norms->commit(), ErrorCode::kInternal);
  EXPECT_CODE(few_norms->commit(), ErrorCode::kInternal) << "the first error stays";
  EXPECT_CODE(fs_.stat(path_), ErrorCode::kNotFound);
}

TEST_F(VdbWriterTest, refuses_dimensions_outside_the_limits) {
  EXPECT_CODE(VdbWriter::create(fs_, path_, {.dim = 0}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(VdbWriter::create(fs_, path_, {.dim = limits::kDimMax + 1}), ErrorCode::kInvalidArgument);
  EXPECT_OK(VdbWriter::create(fs_, path_, {.dim = limits::kDimMax}));
  EXPECT_CODE(VdbWriter::create(fs_, path_, {.dim = 1, .first_lsn = 2, .last_lsn = 1}), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(names().empty());
}

TEST_F(VdbWriterTest, reports_a_folder_that_is_not_there) {
  EXPECT_CODE(VdbWriter::create(fs_, folder_.path("none/rows.vdb"), {.dim = 1}), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vibrato::store

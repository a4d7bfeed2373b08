// Which advice sealed parts give the system.
#include "vector/vector_access.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "io/real_file_system.hpp"
#include "support/recording_file_system.hpp"
#include "support/sealed_rows.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::vector {
namespace {

using Access = io::ReadOnlyMap::Access;
using format::SectionKind;

class VectorAccessTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(fs_.create_directory(folder_.path("segments"))); }

  std::shared_ptr<SealedPart> open_sealed(const CollectionSettings& settings, VectorAccess access) {
    const auto part = test::frozen_part(settings, test::make_vectors(2500, settings.dim, 5));
    const auto entry = seal_hot_part(fs_, folder_.path(), "segments/a.vdb", CollectionNumber(1), settings, *part);
    EXPECT_OK(entry);
    recording_.clear();
    auto opened = SealedPart::open(recording_, folder_.path(), *entry, settings, nullptr, nullptr, access);
    EXPECT_OK(opened);
    return std::move(opened).value();
  }
  [[nodiscard]] bool was_given(Access access, const SealedPart& part, SectionKind kind) const {
    const format::VdbLayout& layout = part.rows().file().layout();
    const auto* entry = layout.find(kind);
    return entry != nullptr && recording_.was_given(access, entry->offset, entry->length);
  }

  io::RealFileSystem fs_;
  test::RecordingFileSystem recording_{fs_};
  test::TempDirectory folder_;
};

TEST_F(VectorAccessTest, random_access_is_told_of_the_raw_vectors_alone) {
  const auto part = open_sealed(test::small_segment_settings(24), VectorAccess::kRandom);
  ASSERT_TRUE(part->rows().has_graph());
  EXPECT_TRUE(was_given(Access::kRandom, *part, SectionKind::kVectors));
  EXPECT_EQ(recording_.count(Access::kRandom), 1U);
  for (const SectionKind kind : {SectionKind::kGraph, SectionKind::kIds, SectionKind::kIdHash}) {
    EXPECT_TRUE(was_given(Access::kWillNeed, *part, kind));
  }
  EXPECT_FALSE(was_given(Access::kWillNeed, *part, SectionKind::kVectors));
}

TEST_F(VectorAccessTest, read_ahead_leaves_raw_vectors_to_the_system_and_fetches_the_rest) {
  const auto part = open_sealed(test::small_segment_settings(24), VectorAccess::kReadAhead);
  ASSERT_TRUE(part->rows().has_graph());
  EXPECT_EQ(recording_.count(Access::kRandom), 0U);
  for (const SectionKind kind : {SectionKind::kGraph, SectionKind::kIds, SectionKind::kIdHash}) {
    EXPECT_TRUE(was_given(Access::kWillNeed, *part, kind));
  }
  EXPECT_FALSE(was_given(Access::kWillNeed, *part, SectionKind::kVectors));
}

TEST_F(VectorAccessTest, a_part_without_a_graph_is_scanned_and_gets_no_advice) {
  CollectionSettings settings = test::small_segment_settings(24);
  settings.index = IndexKind::kFlat;
  for (const VectorAccess access : {VectorAccess::kRandom, VectorAccess::kReadAhead}) {
    const auto part = open_sealed(settings, access);
    EXPECT_FALSE(part->rows().has_graph());
    EXPECT_EQ(recording_.count(), 0U);
    ASSERT_OK(fs_.remove_file(folder_.path("segments/a.vdb")));
  }
}

}  // namespace
}  // namespace vibrato::vector

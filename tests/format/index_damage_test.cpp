// Segments with a graph, with scalar codes and with product codes (an archive), single bits flipped in their index:
// verifying finds each of them, and a search that nobody verified for ends with rows of the segment or an error.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "format_flips.hpp"
#include "io/real_file_system.hpp"
#include "support/made_rows.hpp"
#include "support/memory_map.hpp"
#include "support/sealed_rows.hpp"
#include "support/temp_directory.hpp"
#include "vector/archive.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;

constexpr std::uint32_t kIndexRows = 1500;
constexpr std::uint32_t kDim = 16;

enum class Codes : std::uint8_t { kScalar, kProduct, kProductAlone };

std::vector<std::byte> made_segment(Codes codes) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  EXPECT_OK(fs.create_directory(folder.path("segments")));
  CollectionSettings settings = test::small_segment_settings(kDim, Metric::kL2);
  if (codes != Codes::kScalar) {
    settings.archive = ArchiveSettings{codes == Codes::kProduct};
  }
  auto writer = SegmentFileWriter::create(fs, folder.path(), "segments/a.vdb", CollectionNumber(1), settings);
  EXPECT_OK(writer);
  const test::MadeRows rows = test::clustered_rows(kIndexRows, kDim, 20, 0.4F, 9);
  for (std::uint32_t row = 0; row < kIndexRows; ++row) {
    EXPECT_OK((*writer)->add({test::made_id(row).view(), test::made_lsn(row), {rows.row(row), kDim}, ""}));
  }
  const auto image = (*writer)->finish_rows();
  EXPECT_OK(image);
  GraphBuildOptions options;
  options.m = settings.m;
  options.ef_construction = settings.ef_construction;
  options.threads = 1;
  auto index = build_index(**image, options);
  EXPECT_OK(index);
  if (codes != Codes::kScalar) {
    EXPECT_OK(archive_index(**image, 1, *index));
  }
  EXPECT_OK((*writer)->commit(&*index, codes == Codes::kScalar ? std::uint8_t{1} : kArchiveLevel));
  const auto map = fs.map_read_only(folder.path("segments/a.vdb"));
  EXPECT_OK(map);
  return {(*map)->bytes().begin(), (*map)->bytes().end()};
}

Result<std::unique_ptr<store::VdbFile>> open(const std::vector<std::byte>& bytes) {
  return store::VdbFile::from_map("damaged.vdb", std::make_unique<test::MemoryMap>(bytes));
}

// Several walks over what is there.
void search(const std::vector<std::byte>& bytes, Random& random) {
  auto file = open(bytes);
  ASSERT_OK(file);
  const auto segment = SealedSegment::from_file(std::move(*file));
  if (!segment.ok()) {
    ASSERT_EQ(segment.status().code(), ErrorCode::kCorruption) << segment.status().message();
    return;
  }
  for (int i = 0; i < 4; ++i) {
    std::vector<float> query(kDim);
    for (float& value : query) {
      value = static_cast<float>(random.normal());
    }
    hnsw::SearchParams params;
    params.k = 10;
    params.ef = 60;
    std::vector<hnsw::Hit> hits;
    (*segment)->search(query.data(), params, hnsw::scratch_of_this_thread(), hits);
    ASSERT_LE(hits.size(), 10U);
    for (const hnsw::Hit& hit : hits) {
      ASSERT_LT(hit.row, kIndexRows);
    }
  }
}

void flip_all_over(Codes codes, std::vector<SectionKind> kinds, std::uint64_t otherwise) {
  const std::uint64_t seed = test::seed_or(otherwise);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::byte> bytes = made_segment(codes);
  const format::VdbLayout layout = open(bytes).value()->layout();
  ASSERT_OK(open(bytes).value()->verify());
  for (const SectionKind kind : kinds) {
    ASSERT_NE(layout.find(kind), nullptr) << static_cast<int>(kind);
  }
  for (std::uint64_t i = 0; i < test::flips(150, 5); ++i) {
    const auto* const section = layout.find(kinds[random.below(kinds.size())]);
    // Half of them where a section says what it is.
    const std::uint64_t reach = random.chance(0.5) ? std::min<std::uint64_t>(section->length, 96) : section->length;
    const std::uint64_t at = section->offset + random.below(reach);
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    ASSERT_EQ(open(bytes).value()->verify().status().code(), ErrorCode::kCorruption) << "byte " << at;
    search(bytes, random);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "byte " << at;
    bytes[at] ^= mask;
  }
  test::record_flips(test::flips(150, 5));
}

TEST(IndexDamage, a_flipped_bit_of_a_graph_is_found_and_misleads_nobody_out_of_the_file) {
  flip_all_over(Codes::kScalar, {SectionKind::kGraph}, 31);
}

TEST(IndexDamage, a_flipped_bit_of_scalar_codes_is_found_and_misleads_nobody_out_of_the_file) {
  flip_all_over(Codes::kScalar, {SectionKind::kQuantizer, SectionKind::kCodes, SectionKind::kBuildInfo}, 32);
}

TEST(IndexDamage, a_flipped_bit_of_an_archive_is_found_and_misleads_nobody_out_of_the_file) {
  flip_all_over(Codes::kProduct, {SectionKind::kQuantizer, SectionKind::kCodes, SectionKind::kGraph}, 33);
}

TEST(IndexDamage, a_flipped_bit_of_an_archive_without_raw_vectors_is_found_too) {
  flip_all_over(Codes::kProductAlone, {SectionKind::kQuantizer, SectionKind::kCodes, SectionKind::kGraph}, 34);
}

}  // namespace
}  // namespace vibrato::vector

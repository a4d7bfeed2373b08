// A file of every section and several blocks, damaged at random: opening and verifying finds each damage and names it.
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "base/random.hpp"
#include "format_flips.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/memory_map.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato {
namespace {

using format::SectionKind;

std::vector<std::byte> example_file() {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  Random random(11);
  auto writer = store::VdbRowWriter::create(fs, folder.path("a.vdb"), {.dim = 33, .metric = Metric::kCosine});
  EXPECT_OK(writer);
  for (int row = 0; row < 1000; ++row) {
    std::vector<float> values(33);
    for (float& value : values) {
      value = static_cast<float>(random.normal());
    }
    EXPECT_OK((*writer)->add(values, row % 2 == 0 ? R"({"row":1})" : ""));
  }
  const std::string graph(70'000, 'g');
  const std::string codes(30'000, 'c');
  EXPECT_OK((*writer)->commit(std::vector{store::section_of(SectionKind::kGraph, graph),
                                          store::section_of(SectionKind::kCodes, codes),
                                          store::section_of(SectionKind::kBuildInfo, "{}")}));
  const auto map = fs.map_read_only(folder.path("a.vdb"));
  EXPECT_OK(map);
  return {(*map)->bytes().begin(), (*map)->bytes().end()};
}

Status open_and_verify(const std::vector<std::byte>& bytes) {
  VIBRATO_ASSIGN_OR_RETURN(const auto file,
                           store::VdbFile::from_map("damaged.vdb", std::make_unique<test::MemoryMap>(bytes)));
  return file->verify().status();
}

TEST(VdbDamage, every_flipped_bit_is_found_by_opening_or_verifying) {
  const std::uint64_t seed = test::seed_or(987'654'321);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::byte> bytes = example_file();
  ASSERT_OK(open_and_verify(bytes));
  ASSERT_GT(bytes.size(), 4U * format::kVdbBlockBytes);
  for (std::uint64_t i = 0; i < test::flips(2000); ++i) {
    // Half of them in the header and the tables, which are a small part of the file.
    const std::uint64_t tables = 500;
    const std::uint64_t at = random.chance(0.5)   ? random.below(bytes.size())
                             : random.chance(0.5) ? random.below(format::kVdbHeaderBytes)
                                                  : bytes.size() - 1 - random.below(tables);
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    const Status status = open_and_verify(bytes);
    ASSERT_EQ(status.code(), ErrorCode::kCorruption) << "byte " << at;
    ASSERT_EQ(status.message().find("damaged.vdb: offset "), 0U) << status.message();
    ASSERT_NE(status.message().find("expected "), std::string::npos) << status.message();
    ASSERT_NE(status.message().find("found "), std::string::npos) << status.message();
    bytes[at] ^= mask;
  }
  EXPECT_OK(open_and_verify(bytes));
  test::record_flips(test::flips(2000));
}

TEST(VdbDamage, every_overwritten_or_moved_stretch_is_found) {
  const std::uint64_t seed = 123'456;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<std::byte> good = example_file();
  for (int i = 0; i < 300; ++i) {
    std::vector<std::byte> bytes = good;
    const std::uint64_t from = random.below(bytes.size());
    const std::uint64_t to = random.below(bytes.size());
    const std::uint64_t length = std::min(1 + random.below(9000), bytes.size() - std::max(from, to));
    std::copy_n(good.begin() + static_cast<std::ptrdiff_t>(from), length,
                bytes.begin() + static_cast<std::ptrdiff_t>(to));
    if (bytes != good) {
      ASSERT_EQ(open_and_verify(bytes).code(), ErrorCode::kCorruption) << from << " -> " << to << ", " << length;
    }
  }
}

TEST(VdbDamage, every_cut_is_found_by_opening) {
  const std::uint64_t seed = 55;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<std::byte> good = example_file();
  for (int i = 0; i < 500; ++i) {
    const auto size = static_cast<std::ptrdiff_t>(random.below(good.size()));
    const std::vector<std::byte> cut(good.begin(), good.begin() + size);
    const auto file = store::VdbFile::from_map("cut.vdb", std::make_unique<test::MemoryMap>(cut));
    ASSERT_EQ(file.status().code(), ErrorCode::kCorruption) << size;
  }
}

}  // namespace
}  // namespace vibrato

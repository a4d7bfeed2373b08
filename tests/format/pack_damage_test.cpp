// A pack of small parts with single bits flipped: opening or verifying finds each of them, and whoever reads without
// verifying gets right rows or an error, never bytes from elsewhere.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "format_flips.hpp"
#include "io/real_file_system.hpp"
#include "store/pack_file.hpp"
#include "store/pack_writer.hpp"
#include "support/id_rows.hpp"
#include "support/memory_map.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::store {
namespace {

constexpr std::uint32_t kParts = 12;

std::vector<std::byte> made_pack() {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  const std::string path = folder.path("pack.vdb");
  auto pack = PackWriter::create(fs, path);
  EXPECT_OK(pack);
  for (std::uint32_t part = 0; part < kParts; ++part) {
    auto writer = (*pack)->begin_part({.dim = 2});
    EXPECT_OK(writer);
    const auto rows = VdbRowWriter::over(fs, path, std::move(*writer));
    EXPECT_OK(rows);
    EXPECT_OK(test::write_id_rows(**rows, fs, path, test::made_id_rows(1 + part * 9, part)));
    const auto bytes = (*rows)->writer().finish();
    EXPECT_OK(bytes);
    (*pack)->end_part(*bytes);
  }
  EXPECT_OK((*pack)->commit());
  const auto map = fs.map_read_only(path);
  EXPECT_OK(map);
  return {(*map)->bytes().begin(), (*map)->bytes().end()};
}

Result<std::shared_ptr<const PackFile>> open(const std::vector<std::byte>& bytes) {
  return PackFile::from_map("damaged.vdb", std::make_shared<test::MemoryMap>(bytes));
}

// Looks every row up; a wrong answer is one that names a row with another id.
void read_all(const PackFile& pack) {
  for (std::uint32_t part = 0; part < pack.part_count(); ++part) {
    const auto file = pack.open_part(part);
    if (!file.ok()) {
      continue;
    }
    const auto index = IdIndex::open(**file);
    for (std::uint32_t row = 0; index.ok() && row < index->rows(); ++row) {
      const auto id = index->id(row);
      const auto found = id.ok() ? index->find(*id) : Result<std::optional<std::uint32_t>>(id.status());
      if (found.ok() && *found) {
        ASSERT_LT(**found, index->rows());
        const auto same = index->id(**found);
        ASSERT_TRUE(same.ok() && *same == *id);
      }
    }
  }
}

TEST(PackDamage, every_flipped_bit_is_found_by_opening_or_verifying) {
  const std::uint64_t seed = test::seed_or(8642);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::byte> bytes = made_pack();
  ASSERT_OK(open(bytes));
  ASSERT_OK(open(bytes).value()->verify());
  for (std::uint64_t i = 0; i < test::flips(400); ++i) {
    // A third each in the header, in the table behind the last part, and anywhere, the zeros between parts included.
    const std::uint64_t where = random.below(3);
    const std::uint64_t at = where == 0   ? random.below(format::kPackHeaderBytes)
                             : where == 1 ? bytes.size() - 1 - random.below(16 * kParts)
                                          : random.below(bytes.size());
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    const auto pack = open(bytes);
    if (pack.ok()) {
      read_all(**pack);
      ASSERT_EQ((*pack)->verify().status().code(), ErrorCode::kCorruption) << "byte " << at;
    }
    bytes[at] ^= mask;
  }
  EXPECT_OK(open(bytes).value()->verify());
  test::record_flips(test::flips(400));
}

}  // namespace
}  // namespace vibrato::store

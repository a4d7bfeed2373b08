// Files with ids, damaged at random: verifying finds each damage, and a lookup answers with the right row or says that
// the file is damaged, never that an id is not there.
#include <gtest/gtest.h>
#include <string>

#include "format_flips.hpp"
#include "io/real_file_system.hpp"
#include "support/id_rows.hpp"
#include "support/memory_map.hpp"
#include "support/temp_directory.hpp"
#include "support/vdb_bytes.hpp"

namespace vibrato {
namespace {

using format::SectionKind;

constexpr std::uint32_t kIdRows = 3000;
constexpr SectionKind kKinds[] = {SectionKind::kRowLsns, SectionKind::kIds, SectionKind::kIdOrder,
                                  SectionKind::kIdHash};

constexpr std::uint64_t kFlips = 1000;

std::vector<std::byte> file_of(const std::vector<test::IdRow>& rows) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  EXPECT_OK(test::write_id_file(fs, folder.path("a.vdb"), rows));
  const auto map = fs.map_read_only(folder.path("a.vdb"));
  EXPECT_OK(map);
  return {(*map)->bytes().begin(), (*map)->bytes().end()};
}

Result<std::unique_ptr<store::VdbFile>> open(const std::vector<std::byte>& bytes) {
  return store::VdbFile::from_map("damaged.vdb", std::make_unique<test::MemoryMap>(bytes));
}

// A byte of one of the id sections.
std::uint64_t place_in_ids(const format::VdbLayout& layout, Random& random) {
  const auto* section = layout.find(kKinds[random.below(std::size(kKinds))]);
  return section->offset + random.below(section->length);
}

TEST(IdsDamage, every_flipped_bit_is_found_by_verify) {
  const std::uint64_t seed = test::seed_or(2468);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::byte> bytes = file_of(test::made_id_rows(kIdRows, 1));
  const format::VdbLayout layout = open(bytes).value()->layout();
  for (std::uint64_t i = 0; i < test::flips(kFlips); ++i) {
    const std::uint64_t at = place_in_ids(layout, random);
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    const auto file = open(bytes);
    ASSERT_OK(file);
    ASSERT_EQ((*file)->verify().status().code(), ErrorCode::kCorruption) << "byte " << at;
    bytes[at] ^= mask;
  }
  test::record_flips(test::flips(kFlips));
}

TEST(IdsDamage, a_lookup_finds_the_right_row_or_the_damage) {
  const std::uint64_t seed = 13579;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto rows = test::made_id_rows(kIdRows, 2);
  std::vector<std::uint32_t> newest;
  for (const test::IdRow& row : rows) {
    newest.push_back(*test::newest_row(rows, row.id.view()));
  }
  std::vector<std::byte> bytes = file_of(rows);
  const format::VdbLayout layout = open(bytes).value()->layout();
  std::uint64_t found_damage = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t at = place_in_ids(layout, random);
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    const auto file = open(bytes);
    ASSERT_OK(file);
    const auto index = store::IdIndex::open(**file);
    for (std::uint32_t row = 0; index.ok() && row < kIdRows; ++row) {
      const auto found = index->find(rows[row].id.view());
      ASSERT_TRUE(!found.ok() || *found == newest[row]) << "byte " << at << ", row " << row;
      ASSERT_TRUE(found.ok() || found.status().code() == ErrorCode::kCorruption);
      found_damage += found.ok() ? 0 : 1;
    }
    bytes[at] ^= mask;
  }
  EXPECT_GT(found_damage, 0U);
}

// With checksums made to fit, as only a writer with a fault or an enemy does: nothing is read outside, and what is
// found has the id that was asked for. Sanitizers watch.
TEST(IdsDamage, hostile_sections_lead_nowhere) {
  const std::uint64_t seed = test::seed_or(97531);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto rows = test::made_id_rows(500, 3);
  const std::vector<std::byte> good = file_of(rows);
  const auto whole = open(good);
  ASSERT_OK(whole);
  std::uint64_t undetected = 0;
  for (std::uint64_t i = 0; i < test::flips(kFlips); ++i) {
    std::vector<test::SectionBytes> sections;
    for (const format::SectionEntry& entry : (*whole)->layout().sections) {
      const auto kind = static_cast<SectionKind>(entry.kind);
      const auto bytes = *(*whole)->section(kind);
      sections.push_back(test::make_section(kind, {bytes.begin(), bytes.end()}, entry.alignment));
    }
    test::SectionBytes& section = sections[1 + random.below(sections.size() - 1)];
    const auto old = section.bytes;
    for (std::uint64_t change = 0; change <= random.below(3); ++change) {
      section.bytes[random.below(section.bytes.size())] = static_cast<std::byte>(random.below(256));
    }
    if (section.bytes == old) {
      continue;
    }
    test::VdbBytes vdb(500, 2, Metric::kDot, std::move(sections));
    vdb.header.first_lsn = (*whole)->layout().first_lsn;
    vdb.header.last_lsn = (*whole)->layout().last_lsn;
    vdb.seal_blocks();
    const auto file = open(vdb.file);
    ASSERT_OK(file);
    const auto index = store::IdIndex::open(**file);
    for (std::uint32_t row = 0; index.ok() && row < 500; ++row) {
      const auto found = index->find(rows[row].id.view());
      if (found.ok() && *found) {
        ASSERT_EQ(PointId(index->id(**found).value()), rows[row].id);
      }
      static_cast<void>(index->rank(row));
    }
    // An id or an LSN that is another one, with tables that fit it, is a file as good as the first.
    undetected += (*file)->verify().ok() ? 1 : 0;
  }
  EXPECT_LT(undetected, test::flips(kFlips) / 20);
  test::record_flips(test::flips(kFlips));
}

}  // namespace
}  // namespace vibrato

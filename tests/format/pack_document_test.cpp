// docs/formats/pack.md and the id sections of docs/formats/vdb.md against the code: the example pack is decoded, and
// written again byte for byte.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "format/hex_dump.hpp"
#include "io/real_file_system.hpp"
#include "store/pack_file.hpp"
#include "store/pack_writer.hpp"
#include "support/id_rows.hpp"
#include "support/memory_map.hpp"
#include "support/source_dir.hpp"
#include "support/temp_directory.hpp"

namespace vibrato {
namespace {

// What stands in the block ```hexdump of the page.
std::string documented_pack() {
  std::ifstream in(test::source_dir() + "/docs/formats/pack.md");
  std::stringstream text;
  text << in.rdbuf();
  constexpr std::string_view kFence = "```hexdump\n";
  const std::size_t begin = text.str().find(kFence);
  if (begin == std::string::npos) {
    return {};
  }
  return text.str().substr(begin + kFence.size(),
                           text.str().find("```", begin + kFence.size()) - begin - kFence.size());
}

std::vector<test::IdRow> documented_rows() {
  return {{PointId(7), Lsn(1)}, {PointId("a"), Lsn(2)}, {PointId(7), Lsn(3)}};
}

TEST(PackDocument, example_decodes_to_the_values_that_the_page_names) {
  const auto bytes = test::parse_hex_dump(documented_pack());
  ASSERT_TRUE(bytes.has_value());
  const auto pack = store::PackFile::from_map("example", std::make_shared<test::MemoryMap>(*bytes));
  ASSERT_OK(pack);
  EXPECT_OK((*pack)->verify());
  ASSERT_EQ((*pack)->part_count(), 1U);
  EXPECT_EQ((*pack)->part_range(0), (format::ByteRange{0x1000, 0x12e4}));
  const auto file = (*pack)->open_part(0);
  ASSERT_OK(file);
  EXPECT_EQ((*file)->layout().first_lsn, 1U);
  EXPECT_EQ((*file)->layout().last_lsn, 3U);
  const auto ids = store::IdIndex::open(**file);
  ASSERT_OK(ids);
  EXPECT_EQ(PointId(ids->id(0).value()), PointId(7));
  EXPECT_EQ(PointId(ids->id(1).value()), PointId("a"));
  EXPECT_EQ(PointId(ids->id(2).value()), PointId(7));
  EXPECT_EQ(ids->row_lsn(2).value(), Lsn(3));
  EXPECT_EQ(ids->find(PointId(7).view()).value(), 2U);
  EXPECT_EQ(ids->find(PointId("7").view()).value(), std::nullopt);
  EXPECT_EQ(ids->at_rank(0).value(), 2U);
  EXPECT_EQ(ids->at_rank(1).value(), 0U);
  EXPECT_EQ(ids->at_rank(2).value(), 1U);
}

TEST(PackDocument, example_is_what_the_writer_writes) {
  const test::TempDirectory folder;
  const std::string path = folder.path("example.vdb");
  io::RealFileSystem fs;
  const auto pack = store::PackWriter::create(fs, path);
  ASSERT_OK(pack);
  auto writer = (*pack)->begin_part({.dim = 2});
  ASSERT_OK(writer);
  const auto rows = store::VdbRowWriter::over(fs, path, std::move(*writer));
  ASSERT_OK(rows);
  ASSERT_OK(test::write_id_rows(**rows, fs, path, documented_rows()));
  const auto bytes = (*rows)->writer().finish();
  ASSERT_OK(bytes);
  (*pack)->end_part(*bytes);
  ASSERT_OK((*pack)->commit());
  const auto map = fs.map_read_only(path);
  ASSERT_OK(map);
  EXPECT_EQ(test::hex_dump((*map)->bytes()), documented_pack());
}

}  // namespace
}  // namespace vibrato

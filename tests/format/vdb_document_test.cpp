// docs/formats/vdb.md against the code: its example file is decoded, and written again byte for byte.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "format/hex_dump.hpp"
#include "format/section_kind.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/source_dir.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato {
namespace {

std::string document() {
  std::ifstream in(test::source_dir() + "/docs/formats/vdb.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// What stands in the block ```hexdump.
std::string documented_file() {
  const std::string text = document();
  constexpr std::string_view kFence = "```hexdump\n";
  const std::size_t begin = text.find(kFence);
  if (begin == std::string::npos) {
    return {};
  }
  return text.substr(begin + kFence.size(), text.find("```", begin + kFence.size()) - begin - kFence.size());
}

TEST(VdbDocument, example_decodes_to_the_values_that_the_page_names) {
  const auto bytes = test::parse_hex_dump(documented_file());
  ASSERT_TRUE(bytes.has_value());
  const test::TempDirectory folder;
  const std::string path = folder.path("example.vdb");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes->data()), static_cast<std::streamsize>(bytes->size()));
  io::RealFileSystem fs;
  const auto opened = store::VdbFile::open(fs, path);
  ASSERT_OK(opened);
  const store::VdbFile& file = **opened;
  EXPECT_EQ(file.version(), 3U);
  EXPECT_EQ(file.metric(), Metric::kCosine);
  EXPECT_EQ(file.dim(), 2U);
  ASSERT_EQ(file.rows(), 2U);
  EXPECT_EQ(file.vectors().row(0)[0], 3.0F);
  EXPECT_EQ(file.vectors().row(0)[1], 4.0F);
  EXPECT_EQ(file.vectors().row(1)[0], 0.0F);
  EXPECT_EQ(file.vectors().row(1)[1], -2.0F);
  ASSERT_EQ(file.inverse_norms().size(), 2U);
  EXPECT_EQ(file.inverse_norms()[0], 0.2F);
  EXPECT_EQ(file.inverse_norms()[1], 0.5F);
  EXPECT_EQ(file.meta_json(0).value(), R"({"name":"a"})");
  EXPECT_EQ(file.meta_json(1).value(), "");
  EXPECT_EQ(file.build_info(), R"({"writer":"example"})");
  EXPECT_EQ(file.layout().first_lsn, 0U);
  EXPECT_OK(file.verify());
}

TEST(VdbDocument, example_is_what_the_writer_writes) {
  const test::TempDirectory folder;
  const std::string path = folder.path("example.vdb");
  io::RealFileSystem fs;
  auto writer = store::VdbRowWriter::create(fs, path, {.dim = 2, .metric = Metric::kCosine});
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->add(std::vector<float>{3, 4}, R"({"name":"a"})"));
  ASSERT_OK((*writer)->add(std::vector<float>{0, -2}, ""));
  ASSERT_OK(
      (*writer)->commit(std::vector{store::section_of(format::SectionKind::kBuildInfo, R"({"writer":"example"})")}));
  const auto map = fs.map_read_only(path);
  ASSERT_OK(map);
  EXPECT_EQ(test::hex_dump((*map)->bytes()), documented_file());
}

TEST(VdbDocument, lists_every_section_kind_by_number_and_name) {
  const std::string text = document();
  for (std::uint32_t kind = 1; format::section_kind_info(kind).has_value(); ++kind) {
    const std::string row = fmt::format("| {} | `{}` |", kind, format::section_kind_info(kind)->name);
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace vibrato

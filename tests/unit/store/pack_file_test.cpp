#include "store/pack_file.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "store/pack_writer.hpp"
#include "support/file_contents.hpp"
#include "support/id_rows.hpp"
#include "support/memory_map.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::store {
namespace {

// A pack whose part i has i + 1 rows.
Status write_pack(io::FileSystem& fs, const std::string& path, std::uint32_t parts) {
  VIBRATO_ASSIGN_OR_RETURN(const auto pack, PackWriter::create(fs, path));
  for (std::uint32_t i = 0; i < parts; ++i) {
    VIBRATO_ASSIGN_OR_RETURN(auto writer, pack->begin_part({.dim = 2}));
    VIBRATO_ASSIGN_OR_RETURN(const auto rows, VdbRowWriter::over(fs, path, std::move(writer)));
    VIBRATO_RETURN_IF_ERROR(test::write_id_rows(*rows, fs, path, test::made_id_rows(i + 1, i)));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t bytes, rows->writer().finish());
    pack->end_part(bytes);
  }
  return pack->commit();
}

class PackFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::byte> content() {
    const auto map = fs_.map_read_only(path_);
    EXPECT_OK(map);
    return {(*map)->bytes().begin(), (*map)->bytes().end()};
  }
  static Status open_and_verify(const std::vector<std::byte>& bytes) {
    VIBRATO_ASSIGN_OR_RETURN(const auto pack,
                             PackFile::from_map("damaged.vdb", std::make_shared<test::MemoryMap>(bytes)));
    return pack->verify().status();
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("pack.vdb");
};

TEST_F(PackFileTest, gives_back_every_part) {
  ASSERT_OK(write_pack(fs_, path_, 20));
  PackMaps maps;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto file = maps.open(fs_, path_, i);
    ASSERT_OK(file);
    EXPECT_EQ((*file)->rows(), i + 1);
    EXPECT_EQ((*file)->path(), path_ + " part " + std::to_string(i));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*file)->vectors().base) % 4096, 0U);
    EXPECT_OK((*file)->verify());
    const auto rows = test::made_id_rows(i + 1, i);
    const auto index = IdIndex::open(**file);
    ASSERT_OK(index);
    EXPECT_EQ(index->find(rows[i].id.view()).value(), test::newest_row(rows, rows[i].id.view()));
  }
  EXPECT_CODE(maps.open(fs_, path_, 20), ErrorCode::kNotFound);
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "pack.vdb");
}

TEST_F(PackFileTest, parts_share_one_map_that_goes_with_the_last_of_them) {
  ASSERT_OK(write_pack(fs_, path_, 3));
  PackMaps maps;
  auto first = maps.open(fs_, path_, 0);
  ASSERT_OK(first);
  // The file is gone; the map is not.
  ASSERT_OK(fs_.remove_file(path_));
  auto second = maps.open(fs_, path_, 1);
  ASSERT_OK(second);
  EXPECT_EQ((*second)->section(format::SectionKind::kVectors)->data() -
                (*first)->section(format::SectionKind::kVectors)->data(),
            (*second)->map().bytes().data() - (*first)->map().bytes().data());
  first->reset();
  EXPECT_OK((*second)->verify());
  second->reset();
  EXPECT_CODE(maps.open(fs_, path_, 1), ErrorCode::kNotFound);
}

TEST_F(PackFileTest, a_forgotten_name_is_mapped_anew) {
  ASSERT_OK(write_pack(fs_, path_, 1));
  PackMaps maps;
  const auto old_part = maps.open(fs_, path_, 0);
  ASSERT_OK(old_part);
  ASSERT_OK(write_pack(fs_, path_, 2));
  EXPECT_CODE(maps.open(fs_, path_, 1), ErrorCode::kNotFound);
  maps.forget(path_);
  EXPECT_OK(maps.open(fs_, path_, 1));
  EXPECT_OK((*old_part)->verify());
}

TEST_F(PackFileTest, a_plain_file_is_its_own_only_part) {
  ASSERT_OK(test::write_id_file(fs_, path_, test::made_id_rows(5, 1)));
  PackMaps maps;
  const auto file = maps.open(fs_, path_, 0);
  ASSERT_OK(file);
  EXPECT_EQ((*file)->rows(), 5U);
  EXPECT_EQ((*file)->path(), path_);
  EXPECT_CODE(maps.open(fs_, path_, 1), ErrorCode::kNotFound);
}

TEST_F(PackFileTest, nothing_is_left_of_a_pack_that_was_not_committed) {
  {
    const auto pack = PackWriter::create(fs_, path_);
    ASSERT_OK(pack);
    ASSERT_OK((*pack)->begin_part({.dim = 2}));
  }
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "");
}

TEST_F(PackFileTest, every_flipped_bit_is_found_by_opening_or_verifying) {
  ASSERT_OK(write_pack(fs_, path_, 3));
  std::vector<std::byte> bytes = content();
  ASSERT_OK(open_and_verify(bytes));
  const std::uint64_t seed = 4242;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t at = i % 3 == 0   ? random.below(64)
                             : i % 3 == 1 ? bytes.size() - 1 - random.below(60)
                                          : random.below(bytes.size());
    const std::byte mask = std::byte{1} << random.below(8);
    bytes[at] ^= mask;
    ASSERT_EQ(open_and_verify(bytes).code(), ErrorCode::kCorruption) << "byte " << at;
    bytes[at] ^= mask;
  }
}

TEST_F(PackFileTest, every_cut_is_found_by_opening) {
  ASSERT_OK(write_pack(fs_, path_, 2));
  const std::vector<std::byte> good = content();
  for (std::size_t size = 0; size < good.size(); size += size < 100 ? 1 : 97) {
    const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_CODE(PackFile::from_map("cut.vdb", std::make_shared<test::MemoryMap>(cut)), ErrorCode::kCorruption) << size;
  }
}

TEST_F(PackFileTest, a_thousand_parts_cost_next_to_nothing_to_open) {
  const auto pack = PackWriter::create(fs_, path_);
  ASSERT_OK(pack);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto writer = (*pack)->begin_part({.dim = 2});
    ASSERT_OK(writer);
    const auto rows = VdbRowWriter::over(fs_, path_, std::move(*writer));
    ASSERT_OK(rows);
    ASSERT_OK(test::write_id_rows(**rows, fs_, path_, test::made_id_rows(10, i)));
    const auto bytes = (*rows)->writer().finish();
    ASSERT_OK(bytes);
    (*pack)->end_part(*bytes);
  }
  ASSERT_OK((*pack)->commit());
  PackMaps maps;
  std::vector<std::unique_ptr<VdbFile>> parts;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto part = maps.open(fs_, path_, i);
    ASSERT_OK(part);
    parts.push_back(std::move(*part));
  }
  // All of them lie in the one map, a few pages each.
  const auto* first = parts.front()->map().bytes().data();
  const auto* last = parts.back()->map().bytes().data();
  EXPECT_GT(last, first);
  EXPECT_LT(last - first, 1000 * 4 * 4096);
}

}  // namespace
}  // namespace vibrato::store

#include "store/vdb_file.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"
#include "support/vdb_bytes.hpp"
#include "support/vdb_legacy_bytes.hpp"

namespace vibrato::store {
namespace {

using format::SectionKind;

// A map whose pages between the header's and those of the tables cannot be touched.
class GuardedMap final : public io::ReadOnlyMap {
 public:
  GuardedMap(const std::vector<std::byte>& file, std::uint64_t tables_offset) : size_(file.size()) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    base_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(base_, MAP_FAILED);
    std::copy(file.begin(), file.end(), static_cast<std::byte*>(base_));
    const std::uint64_t guarded = tables_offset / page * page - page;
    EXPECT_EQ(::mprotect(static_cast<std::byte*>(base_) + page, guarded, PROT_NONE), 0);
  }
  ~GuardedMap() override { ::munmap(base_, size_); }
  GuardedMap(const GuardedMap&) = delete;
  GuardedMap& operator=(const GuardedMap&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const override {
    return {static_cast<const std::byte*>(base_), size_};
  }
  void advise(Access /*access*/, std::uint64_t /*offset*/, std::uint64_t /*length_bytes*/) const override {}

 private:
  std::size_t size_;
  void* base_;
};

class VdbFileTest : public ::testing::Test {
 protected:
  void put(const std::vector<std::byte>& bytes) {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  Result<std::unique_ptr<VdbFile>> open() { return VdbFile::open(fs_, path_); }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("rows.vdb");
};

TEST_F(VdbFileTest, gives_rows_and_meta_in_place) {
  put(test::small_vdb().file);
  const auto file = open();
  ASSERT_OK(file);
  const VectorRows rows = (*file)->vectors();
  EXPECT_EQ(rows.rows, 3U);
  EXPECT_EQ(rows.dim, 2U);
  EXPECT_EQ(rows.stride_floats, 16U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(rows.base) % 4096, 0U);
  EXPECT_EQ(rows.row(2)[0], 4.5F);
  EXPECT_EQ(rows.row(2)[1], 5.5F);
  EXPECT_EQ(rows.base[2], 0.0F) << "padding";
  ASSERT_TRUE((*file)->has_meta());
  EXPECT_EQ((*file)->meta_json(0).value(), R"({"a":1})");
  EXPECT_EQ((*file)->meta_json(1).value(), "");
  EXPECT_EQ((*file)->meta_json(2).value(), "[]");
  EXPECT_TRUE((*file)->inverse_norms().empty());
  EXPECT_EQ((*file)->build_info(), "");
  EXPECT_FALSE((*file)->section(SectionKind::kGraph).has_value());
  EXPECT_EQ((*file)->section(SectionKind::kVectors)->size(), 192U);
  const auto report = (*file)->verify();
  ASSERT_OK(report);
  EXPECT_TRUE(report->has_checksums);
  EXPECT_EQ(report->blocks, 1U);
}

TEST_F(VdbFileTest, opening_touches_the_header_and_the_tables_only) {
  const test::VdbBytes vdb(
      1000, 300, Metric::kL2,
      {test::make_vectors(1000, 300), test::make_section(SectionKind::kGraph, std::vector<std::byte>(500'000))});
  const auto file =
      VdbFile::from_map("guarded.vdb", std::make_unique<GuardedMap>(vdb.file, vdb.header.section_table_offset));
  ASSERT_OK(file);
  EXPECT_EQ((*file)->rows(), 1000U);
  EXPECT_EQ((*file)->section(SectionKind::kGraph)->size(), 500'000U);
}

TEST_F(VdbFileTest, stays_readable_after_the_file_is_removed) {
  put(test::small_vdb().file);
  const auto file = open();
  ASSERT_OK(file);
  ASSERT_OK(fs_.remove_file(path_));
  EXPECT_EQ((*file)->vectors().row(1)[0], 2.5F);
}

TEST_F(VdbFileTest, names_the_file_in_every_error) {
  EXPECT_CODE(open(), ErrorCode::kNotFound);
  auto vdb = test::small_vdb();
  vdb.file[40] ^= std::byte{1};
  put(vdb.file);
  EXPECT_CODE(open(), ErrorCode::kCorruption);
  EXPECT_EQ(open().status().message().find(path_ + ": offset "), 0U) << open().status().message();

  vdb = test::small_vdb();
  vdb.file[4100] ^= std::byte{1};
  put(vdb.file);
  const auto file = open();
  ASSERT_OK(file) << "blocks are not read by opening";
  EXPECT_CODE((*file)->verify(), ErrorCode::kCorruption);
  EXPECT_EQ((*file)->verify().status().message().find(path_ + ": offset 128: block checksum: expected 0x"), 0U);
  EXPECT_CODE((*file)->check_section(SectionKind::kVectors), ErrorCode::kCorruption);
  EXPECT_CODE((*file)->check_block_range(4096, 1), ErrorCode::kCorruption);
}

TEST_F(VdbFileTest, refuses_an_empty_file_and_a_folder) {
  put({});
  EXPECT_FALSE(open().ok());
  EXPECT_FALSE(VdbFile::open(fs_, folder_.path()).ok());
}

TEST_F(VdbFileTest, never_follows_meta_ranges_outside_their_section) {
  auto vdb = test::small_vdb();
  const std::uint64_t offsets = vdb.entries[1].offset;
  const struct {
    std::uint64_t index;
    std::uint64_t value;
  } cases[] = {{1, 10}, {1, ~std::uint64_t{0}}, {0, 8}, {3, 10}, {3, ~std::uint64_t{0}}};
  for (const auto& item : cases) {
    auto bad = vdb;
    bad.set(offsets + item.index * 8, item.value);
    bad.seal_blocks();
    put(bad.file);
    const auto file = open();
    ASSERT_OK(file);
    const std::uint32_t row = item.index == 3 ? 2 : 0;
    EXPECT_CODE((*file)->meta_json(row), ErrorCode::kCorruption) << item.index << " = " << item.value;
    EXPECT_CODE((*file)->verify(), ErrorCode::kCorruption) << item.index << " = " << item.value;
  }
}

// Blocks of their own: row 0's text lies in the damaged one, row 2's behind it.
TEST_F(VdbFileTest, gives_no_meta_from_a_block_that_does_not_fit_its_checksum) {
  const std::string first(format::kVdbBlockBytes, 'x');
  const std::string texts = "[\"" + first + "\"]" + first + "[]";
  const std::vector<std::uint64_t> offsets = {0, first.size() + 4, texts.size() - 2, texts.size()};
  test::VdbBytes vdb(
      3, 2, Metric::kDot,
      {test::make_vectors(3, 2), test::make_section(SectionKind::kMetaOffsets, test::to_bytes(std::span(offsets))),
       test::make_section(SectionKind::kMeta, test::to_bytes(std::span(texts)))});
  vdb.file[vdb.entries[2].offset + 2] ^= std::byte{1};
  put(vdb.file);
  auto file = open();
  ASSERT_OK(file);
  for (int time = 0; time < 2; ++time) {
    EXPECT_CODE((*file)->meta_json(0), ErrorCode::kCorruption);
  }
  EXPECT_EQ((*file)->meta_json(0).status().message().find(path_ + ": offset 128: block checksum: expected 0x"), 0U);

  vdb.file[vdb.entries[2].offset + 2] ^= std::byte{1};
  vdb.file[vdb.entries[2].offset + format::kVdbBlockBytes] ^= std::byte{1};
  put(vdb.file);
  file = open();
  ASSERT_OK(file);
  EXPECT_CODE((*file)->meta_json(1), ErrorCode::kCorruption);
  EXPECT_EQ((*file)->meta_json(2).value(), "[]") << "two blocks further on";
}

TEST_F(VdbFileTest, reads_version_1) {
  put(test::make_vdb_version_1(4, 3));
  const auto file = open();
  ASSERT_OK(file);
  EXPECT_EQ((*file)->version(), 1U);
  EXPECT_EQ((*file)->metric(), Metric::kDot);
  EXPECT_EQ((*file)->vectors().stride_floats, 3U);
  EXPECT_EQ((*file)->vectors().row(3)[2], 11.25F);
  EXPECT_FALSE((*file)->has_meta());
  EXPECT_EQ((*file)->meta_json(0).value(), "");
  const auto report = (*file)->verify();
  ASSERT_OK(report);
  EXPECT_FALSE(report->has_checksums);
}

TEST_F(VdbFileTest, reads_version_2_with_meta) {
  const std::vector<test::LegacyMeta> metas = {{"a.wav", 1, 2, 90.5F, "t"}, {}};
  put(test::make_vdb_version_2(2, 3, metas, "VIBGRAPH"));
  const auto file = open();
  ASSERT_OK(file);
  EXPECT_EQ((*file)->version(), 2U);
  EXPECT_EQ((*file)->vectors().row(1)[0], 3.25F);
  EXPECT_EQ((*file)->meta_json(0).value(),
            R"({"source_file":"a.wav","start_time_ms":1,"duration_ms":2,"bpm":90.5,"tags":["t"]})");
  EXPECT_EQ((*file)->meta_json(1).value(), "");
  EXPECT_FALSE((*file)->section(SectionKind::kGraph).has_value());
  EXPECT_OK((*file)->verify());
}

TEST_F(VdbFileTest, verify_reports_progress_up_to_the_file_s_size) {
  const test::VdbBytes vdb(
      0, 1, Metric::kDot,
      {test::make_vectors(0, 1), test::make_section(SectionKind::kBuildInfo, std::vector<std::byte>(40'000'000))});
  put(vdb.file);
  const auto file = open();
  ASSERT_OK(file);
  std::vector<std::uint64_t> done;
  const auto report = (*file)->verify([&](std::uint64_t now, std::uint64_t total) {
    EXPECT_EQ(total, vdb.file.size());
    done.push_back(now);
    return ok_status();
  });
  ASSERT_OK(report);
  EXPECT_EQ(report->bytes, vdb.file.size());
  EXPECT_EQ(done, (std::vector<std::uint64_t>{16'777'216, 33'554'432, vdb.file.size()}));

  done.clear();
  const auto stopped = (*file)->verify([&](std::uint64_t now, std::uint64_t /*total*/) {
    done.push_back(now);
    return unavailable("stop");
  });
  EXPECT_CODE(stopped, ErrorCode::kUnavailable);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{16'777'216}));
}

}  // namespace
}  // namespace vibrato::store

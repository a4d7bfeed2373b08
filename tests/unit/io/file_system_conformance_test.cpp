// What every FileSystem promises, checked on the real one, the simulated one and a faulty one without faults: code
// that passes its tests on the simulation meets the same behaviour on a disk.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::io {
namespace {

using test::bytes_of;
using test::names_in;
using test::read_text;
using test::write_text;

enum class Kind { kReal, kSimulated, kFaulty };

class FileSystemConformance : public ::testing::TestWithParam<Kind> {
 protected:
  FileSystemConformance() {
    if (GetParam() == Kind::kReal) {
      folder_ = std::make_unique<test::TempDirectory>();
      root_ = folder_->path();
      owned_.push_back(std::make_unique<RealFileSystem>());
    } else {
      root_ = "/data";
      owned_.push_back(std::make_unique<SimulatedFileSystem>());
      EXPECT_OK(owned_.back()->create_directory(root_));
    }
    if (GetParam() == Kind::kFaulty) {
      owned_.push_back(std::make_unique<FaultyFileSystem>(*owned_.back()));
    }
  }

  FileSystem& fs() { return *owned_.back(); }
  [[nodiscard]] std::string at(const std::string& name) const { return root_ + "/" + name; }
  [[nodiscard]] const std::string& root() const { return root_; }

 private:
  std::unique_ptr<test::TempDirectory> folder_;
  std::string root_;
  std::vector<std::unique_ptr<FileSystem>> owned_;
};

TEST_P(FileSystemConformance, a_file_reads_back_what_was_written) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(0, bytes_of("hello world")));
  EXPECT_OK((*file)->write_at(6, bytes_of("there")));
  EXPECT_OK((*file)->sync());
  EXPECT_EQ(read_text(**file), "hello there");
  EXPECT_EQ((*file)->path(), at("a"));
  EXPECT_EQ(read_text(fs(), at("a")), "hello there");
}

TEST_P(FileSystemConformance, a_read_is_short_only_at_the_end) {
  write_text(fs(), at("a"), "abcdef");
  const auto file = fs().open(at("a"), OpenMode::kReadOnly);
  ASSERT_OK(file);
  std::vector<std::byte> out(4);
  EXPECT_EQ((*file)->read_at(0, out).value(), 4U);
  EXPECT_EQ(test::text_of(out), "abcd");
  EXPECT_EQ((*file)->read_at(4, out).value(), 2U);
  EXPECT_EQ((*file)->read_at(6, out).value(), 0U);
  EXPECT_EQ((*file)->read_at(1000, out).value(), 0U);
  EXPECT_EQ((*file)->read_at(UINT64_MAX, out).value(), 0U);
  EXPECT_EQ((*file)->read_at(0, {}).value(), 0U);
}

TEST_P(FileSystemConformance, a_hole_reads_as_zeros) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(3000, bytes_of("x")));
  EXPECT_EQ((*file)->size().value(), 3001U);
  std::string expected(3000, '\0');
  expected.push_back('x');
  EXPECT_EQ(read_text(**file), expected);
}

TEST_P(FileSystemConformance, writing_nothing_does_not_grow_the_file) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(100, {}));
  EXPECT_EQ((*file)->size().value(), 0U);
}

TEST_P(FileSystemConformance, offsets_and_sizes_past_every_file_are_refused) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_CODE((*file)->write_at(UINT64_MAX, bytes_of("x")), ErrorCode::kInvalidArgument);
  EXPECT_CODE((*file)->write_at(UINT64_MAX - 1, bytes_of("xy")), ErrorCode::kInvalidArgument);
  EXPECT_CODE((*file)->truncate(UINT64_MAX), ErrorCode::kInvalidArgument);
  EXPECT_EQ((*file)->size().value(), 0U);
}

TEST_P(FileSystemConformance, truncating_cuts_and_growing_again_gives_zeros) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(0, bytes_of("abcdef")));
  EXPECT_OK((*file)->truncate(2));
  EXPECT_EQ(read_text(**file), "ab");
  EXPECT_OK((*file)->truncate(4));
  EXPECT_EQ(read_text(**file), std::string("ab\0\0", 4));
}

TEST_P(FileSystemConformance, open_modes_keep_their_contract) {
  EXPECT_CODE(fs().open(at("a"), OpenMode::kReadOnly), ErrorCode::kNotFound);
  EXPECT_CODE(fs().open(at("a"), OpenMode::kReadWrite), ErrorCode::kNotFound);
  EXPECT_CODE(fs().open(at("no/a"), OpenMode::kCreateNew), ErrorCode::kNotFound);
  EXPECT_OK(fs().open(at("a"), OpenMode::kCreateNew));
  EXPECT_CODE(fs().open(at("a"), OpenMode::kCreateNew), ErrorCode::kAlreadyExists);
  EXPECT_CODE(fs().open(at("a"), OpenMode::kCreateNewPrivate), ErrorCode::kAlreadyExists);
  EXPECT_OK(fs().open(at("private"), OpenMode::kCreateNewPrivate));
  write_text(fs(), at("a"), "content");
  {
    const auto file = fs().open(at("a"), OpenMode::kReadWrite);
    ASSERT_OK(file);
    EXPECT_EQ(read_text(**file), "content");
    EXPECT_OK((*file)->write_at(0, bytes_of("C")));
  }
  const auto file = fs().open(at("a"), OpenMode::kReadOnly);
  ASSERT_OK(file);
  EXPECT_EQ(read_text(**file), "Content");
  EXPECT_CODE((*file)->write_at(0, bytes_of("x")), ErrorCode::kIoError);
  EXPECT_FALSE((*file)->truncate(0).ok());
  EXPECT_OK(fs().open(at("a"), OpenMode::kCreateTruncate));
  EXPECT_EQ(read_text(fs(), at("a")), "");
}

TEST_P(FileSystemConformance, a_private_file_is_told_from_one_that_others_may_open) {
  EXPECT_CODE(fs().open(at("secret"), OpenMode::kReadOnlyPrivate), ErrorCode::kNotFound);
  {
    const auto file = fs().open(at("secret"), OpenMode::kCreateNewPrivate);
    ASSERT_OK(file);
    EXPECT_OK((*file)->write_at(0, bytes_of("key")));
  }
  EXPECT_CODE(fs().open(at("secret"), OpenMode::kCreateNewPrivate), ErrorCode::kAlreadyExists);
  ASSERT_OK(fs().rename(at("secret"), at("renamed")));
  const auto file = fs().open(at("renamed"), OpenMode::kReadOnlyPrivate);
  ASSERT_OK(file);
  EXPECT_EQ(read_text(**file), "key");
  EXPECT_CODE((*file)->write_at(0, bytes_of("x")), ErrorCode::kIoError);
  write_text(fs(), at("open"), "key");
  EXPECT_CODE(fs().open(at("open"), OpenMode::kReadOnlyPrivate), ErrorCode::kForbidden);
  ASSERT_OK(fs().create_directory(at("folder")));
  EXPECT_CODE(fs().open(at("folder"), OpenMode::kReadOnlyPrivate), ErrorCode::kIoError);
}

TEST_P(FileSystemConformance, a_folder_is_not_a_file_and_a_file_is_not_a_folder) {
  ASSERT_OK(fs().create_directory(at("folder")));
  write_text(fs(), at("file"), "x");
  EXPECT_CODE(fs().open(at("folder"), OpenMode::kReadOnly), ErrorCode::kIoError);
  EXPECT_CODE(fs().open(at("folder"), OpenMode::kReadWrite), ErrorCode::kIoError);
  EXPECT_CODE(fs().open(at("folder"), OpenMode::kCreateNew), ErrorCode::kAlreadyExists);
  EXPECT_CODE(fs().open(at("folder"), OpenMode::kCreateTruncate), ErrorCode::kIoError);
  EXPECT_CODE(fs().map_read_only(at("folder")), ErrorCode::kIoError);
  EXPECT_CODE(fs().remove_file(at("folder")), ErrorCode::kIoError);
  EXPECT_CODE(fs().open(at("file/x"), OpenMode::kReadOnly), ErrorCode::kNotFound);
  EXPECT_CODE(fs().list_directory(at("file")), ErrorCode::kNotFound);
  EXPECT_CODE(fs().sync_directory(at("file")), ErrorCode::kNotFound);
  EXPECT_CODE(fs().remove_directory(at("file")), ErrorCode::kNotFound);
  EXPECT_CODE(fs().create_directory(at("file")), ErrorCode::kAlreadyExists);
  EXPECT_CODE(fs().rename(at("file"), at("folder")), ErrorCode::kIoError);
  EXPECT_CODE(fs().rename(at("folder"), at("file")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, a_map_shows_the_whole_file) {
  std::string text(10'000, 'v');
  text += "end";
  write_text(fs(), at("a"), text);
  const auto map = fs().map_read_only(at("a"));
  ASSERT_OK(map);
  EXPECT_EQ(test::text_of((*map)->bytes()), text);
  using Access = ReadOnlyMap::Access;
  for (const Access access :
       {Access::kNormal, Access::kRandom, Access::kSequential, Access::kWillNeed, Access::kHugePages}) {
    (*map)->advise(access, 4097, 100);
    (*map)->advise(access, 0, UINT64_MAX);
    (*map)->advise(access, UINT64_MAX, UINT64_MAX);
    (*map)->advise(access, 5, 0);
  }
  EXPECT_EQ((*map)->bytes()[9'999], std::byte{'v'});
  EXPECT_CODE(fs().map_read_only(at("none")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, a_map_outlives_the_name_of_its_file) {
  write_text(fs(), at("a"), "old");
  const auto map = fs().map_read_only(at("a"));
  ASSERT_OK(map);
  write_text(fs(), at("b"), "new");
  ASSERT_OK(fs().rename(at("b"), at("a")));
  EXPECT_EQ(test::text_of((*map)->bytes()), "old");
  ASSERT_OK(fs().remove_file(at("a")));
  EXPECT_EQ(test::text_of((*map)->bytes()), "old");
}

TEST_P(FileSystemConformance, an_empty_file_maps_to_no_bytes) {
  write_text(fs(), at("a"), "");
  const auto map = fs().map_read_only(at("a"));
  ASSERT_OK(map);
  EXPECT_TRUE((*map)->bytes().empty());
  (*map)->advise(ReadOnlyMap::Access::kWillNeed, 0, 100);
}

TEST_P(FileSystemConformance, rename_replaces_its_target) {
  write_text(fs(), at("a"), "new");
  write_text(fs(), at("b"), "old");
  EXPECT_OK(fs().rename(at("a"), at("b")));
  EXPECT_EQ(names_in(fs(), root()), "b");
  EXPECT_EQ(read_text(fs(), at("b")), "new");
  EXPECT_OK(fs().rename(at("b"), at("b")));
  EXPECT_EQ(read_text(fs(), at("b")), "new");
  EXPECT_CODE(fs().rename(at("none"), at("b")), ErrorCode::kNotFound);
  EXPECT_CODE(fs().rename(at("b"), at("no/b")), ErrorCode::kNotFound);
  EXPECT_EQ(read_text(fs(), at("b")), "new");
}

TEST_P(FileSystemConformance, rename_moves_a_file_between_folders) {
  ASSERT_OK(fs().create_directory(at("x")));
  ASSERT_OK(fs().create_directory(at("y")));
  write_text(fs(), at("x/a"), "content");
  EXPECT_OK(fs().rename(at("x/a"), at("y/b")));
  EXPECT_EQ(names_in(fs(), at("x")), "");
  EXPECT_EQ(read_text(fs(), at("y/b")), "content");
}

TEST_P(FileSystemConformance, rename_moves_a_folder_with_its_content) {
  ASSERT_OK(fs().create_directory(at("x")));
  write_text(fs(), at("x/a"), "content");
  EXPECT_OK(fs().rename(at("x"), at("y")));
  EXPECT_EQ(read_text(fs(), at("y/a")), "content");
  EXPECT_CODE(fs().stat(at("x")), ErrorCode::kNotFound);
  ASSERT_OK(fs().create_directory(at("full")));
  write_text(fs(), at("full/b"), "");
  EXPECT_FALSE(fs().rename(at("y"), at("full")).ok());
  ASSERT_OK(fs().create_directory(at("empty")));
  EXPECT_OK(fs().rename(at("y"), at("empty")));
  EXPECT_EQ(read_text(fs(), at("empty/a")), "content");
  EXPECT_FALSE(fs().rename(at("empty"), at("empty/inside")).ok());
}

TEST_P(FileSystemConformance, an_open_file_survives_rename_and_removal) {
  const auto file = fs().open(at("a"), OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(0, bytes_of("one")));
  EXPECT_OK(fs().rename(at("a"), at("b")));
  EXPECT_OK((*file)->write_at(3, bytes_of("two")));
  EXPECT_EQ(read_text(fs(), at("b")), "onetwo");
  EXPECT_OK(fs().remove_file(at("b")));
  EXPECT_OK((*file)->sync());
  EXPECT_EQ(read_text(**file), "onetwo");
}

TEST_P(FileSystemConformance, a_hard_link_is_a_second_name_of_the_same_file) {
  write_text(fs(), at("a"), "one");
  EXPECT_OK(fs().hard_link(at("a"), at("b")));
  EXPECT_CODE(fs().hard_link(at("a"), at("b")), ErrorCode::kAlreadyExists);
  EXPECT_CODE(fs().hard_link(at("none"), at("c")), ErrorCode::kNotFound);
  ASSERT_OK(fs().create_directory(at("folder")));
  EXPECT_CODE(fs().hard_link(at("folder"), at("c")), ErrorCode::kIoError);
  {
    const auto file = fs().open(at("b"), OpenMode::kReadWrite);
    ASSERT_OK(file);
    EXPECT_OK((*file)->write_at(0, bytes_of("two")));
  }
  EXPECT_EQ(read_text(fs(), at("a")), "two");
  EXPECT_OK(fs().rename(at("a"), at("b")));  // POSIX: does nothing for two names of one file.
  EXPECT_EQ(names_in(fs(), root()), "a b folder");
  EXPECT_OK(fs().remove_file(at("a")));
  EXPECT_EQ(read_text(fs(), at("b")), "two");
}

TEST_P(FileSystemConformance, removing_takes_the_name_away_once) {
  write_text(fs(), at("a"), "x");
  EXPECT_OK(fs().remove_file(at("a")));
  EXPECT_CODE(fs().remove_file(at("a")), ErrorCode::kNotFound);
  EXPECT_CODE(fs().stat(at("a")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, folders_are_created_once_and_removed_when_empty) {
  EXPECT_OK(fs().create_directory(at("x")));
  EXPECT_OK(fs().create_directory(at("x")));
  EXPECT_CODE(fs().create_directory(at("no/x")), ErrorCode::kNotFound);
  write_text(fs(), at("x/a"), "");
  EXPECT_CODE(fs().remove_directory(at("x")), ErrorCode::kIoError);
  EXPECT_OK(fs().remove_file(at("x/a")));
  EXPECT_OK(fs().remove_directory(at("x")));
  EXPECT_CODE(fs().remove_directory(at("x")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, listing_is_sorted_and_tells_what_is_what) {
  write_text(fs(), at("b"), "12345");
  ASSERT_OK(fs().create_directory(at("a")));
  write_text(fs(), at("C"), "");
  const auto entries = fs().list_directory(root());
  ASSERT_OK(entries);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "C");
  EXPECT_EQ((*entries)[1].name, "a");
  EXPECT_EQ((*entries)[2].name, "b");
  EXPECT_TRUE((*entries)[1].is_directory);
  EXPECT_FALSE((*entries)[1].is_regular);
  EXPECT_TRUE((*entries)[2].is_regular);
  EXPECT_EQ((*entries)[2].size_bytes, 5U);
  EXPECT_CODE(fs().list_directory(at("none")), ErrorCode::kNotFound);
  const auto info = fs().stat(at("b"));
  ASSERT_OK(info);
  EXPECT_EQ(info->name, "b");
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_TRUE(fs().stat(root()).value().is_directory);
}

TEST_P(FileSystemConformance, a_folder_has_one_lock) {
  auto lock = fs().lock_directory(root());
  ASSERT_OK(lock);
  EXPECT_CODE(fs().lock_directory(root()), ErrorCode::kConflict);
  lock->reset();
  EXPECT_OK(fs().lock_directory(root()));
  EXPECT_EQ(names_in(fs(), root()), "LOCK");
  EXPECT_CODE(fs().lock_directory(at("none")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, syncing_a_folder_needs_the_folder) {
  EXPECT_OK(fs().sync_directory(root()));
  EXPECT_CODE(fs().sync_directory(at("none")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, there_is_free_space) {
  EXPECT_GT(fs().free_bytes(root()).value(), 0U);
  EXPECT_CODE(fs().free_bytes(at("none")), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, empty_paths_and_paths_with_a_nul_are_refused) {
  write_text(fs(), at("a"), "x");
  const std::string nul = at("a") + std::string("\0b", 2);
  for (const std::string& path : {std::string(), nul}) {
    EXPECT_CODE(fs().open(path, OpenMode::kCreateTruncate), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().map_read_only(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().rename(path, at("c")), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().rename(at("a"), path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().hard_link(path, at("c")), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().hard_link(at("a"), path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().remove_file(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().create_directory(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().remove_directory(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().list_directory(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().stat(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().sync_directory(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().lock_directory(path), ErrorCode::kInvalidArgument);
    EXPECT_CODE(fs().free_bytes(path), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(read_text(fs(), at("a")), "x");
}

TEST_P(FileSystemConformance, many_threads_read_one_file_and_write_their_own) {
  const std::string text(5'000, 'r');
  write_text(fs(), at("shared"), text);
  const auto shared = fs().open(at("shared"), OpenMode::kReadOnly);
  ASSERT_OK(shared);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, path = at("own" + std::to_string(t))] {
      const auto own = fs().open(path, OpenMode::kCreateNew);
      std::vector<std::byte> out(100);
      for (std::uint64_t i = 0; i < 50; ++i) {
        const auto count = (*shared)->read_at(i * 100, out);
        wrong += count.ok() && *count == 100 && out[99] == std::byte{'r'} ? 0 : 1;
        wrong += own.ok() && (*own)->write_at(i * 100, out).ok() ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  for (int t = 0; t < 4; ++t) {
    EXPECT_EQ(read_text(fs(), at("own" + std::to_string(t))), text);
  }
}

std::string name_of(const ::testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::kReal:
      return "real";
    case Kind::kSimulated:
      return "simulated";
    case Kind::kFaulty:
      return "faulty_without_faults";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(, FileSystemConformance, ::testing::Values(Kind::kReal, Kind::kSimulated, Kind::kFaulty),
                         name_of);

}  // namespace
}  // namespace vibrato::io

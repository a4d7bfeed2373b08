#include "io/advising_file_system.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::io {
namespace {

// Whether the kernel was told that the map at `address` is read at random ("rr"), by what it says of this process.
bool is_read_at_random(const void* address) {
  std::ostringstream wanted;
  wanted << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  std::ifstream smaps("/proc/self/smaps");
  bool is_here = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') != std::string::npos && line.find(' ') > line.find('-') &&
        line.find(": ") == std::string::npos) {
      is_here = line.starts_with(wanted.str());
    } else if (is_here && line.starts_with("VmFlags:")) {
      return (line + " ").find(" rr ") != std::string::npos;
    }
  }
  ADD_FAILURE() << "no map begins at " << wanted.str();
  return false;
}

TEST(AdvisingFileSystem, its_maps_are_read_in_one_way_also_after_others_asked_for_the_normal_one) {
  test::TempDirectory folder;
  const std::string path = folder.path() + "/file";
  std::ofstream(path) << std::string(1 << 20, 'x');
  RealFileSystem real;
  AdvisingFileSystem random(real, ReadOnlyMap::Access::kRandom);
  const auto plain = real.map_read_only(path);
  const auto advised = random.map_read_only(path);
  ASSERT_OK(plain);
  ASSERT_OK(advised);
  EXPECT_FALSE(is_read_at_random((*plain)->bytes().data()));
  EXPECT_TRUE(is_read_at_random((*advised)->bytes().data()));
  (*advised)->advise(ReadOnlyMap::Access::kSequential, 0, 1 << 20);
  EXPECT_FALSE(is_read_at_random((*advised)->bytes().data()));
  (*advised)->advise(ReadOnlyMap::Access::kNormal, 0, 1 << 20);
  EXPECT_TRUE(is_read_at_random((*advised)->bytes().data()));
  EXPECT_EQ((*advised)->bytes().size(), std::size_t{1} << 20U);
}

TEST(AdvisingFileSystem, passes_everything_else_on) {
  test::TempDirectory folder;
  RealFileSystem real;
  AdvisingFileSystem advising(real, ReadOnlyMap::Access::kRandom);
  const std::string path = folder.path() + "/sub";
  ASSERT_OK(advising.create_directory(path));
  ASSERT_OK(advising.open(path + "/a", OpenMode::kCreateNew));
  ASSERT_OK(advising.hard_link(path + "/a", path + "/b"));
  ASSERT_OK(advising.rename(path + "/b", path + "/c"));
  EXPECT_OK(advising.stat(path + "/c"));
  EXPECT_EQ(advising.list_directory(path)->size(), 2U);
  EXPECT_OK(advising.sync_directory(path));
  EXPECT_GT(*advising.free_bytes(path), 0U);
  EXPECT_OK(advising.remove_file(path + "/a"));
  EXPECT_OK(advising.remove_file(path + "/c"));
  EXPECT_OK(advising.remove_directory(path));
  EXPECT_CODE(advising.map_read_only(path), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vibrato::io

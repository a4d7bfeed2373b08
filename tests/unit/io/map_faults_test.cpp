#include "io/map_faults.hpp"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::io {
namespace {

// Maps a file of two pages, cuts it to nothing, and reads from the map.
void read_from_a_cut_file(const std::string& path) {
  RealFileSystem fs;
  {
    auto file = fs.open(path, OpenMode::kCreateNew);
    if (!file.ok()) return;
    const std::vector<std::byte> bytes(8192, std::byte{1});
    if (!(*file)->write_at(0, bytes).ok()) return;
  }
  auto map = fs.map_read_only(path);
  if (!map.ok() || !report_map_faults().ok() || ::truncate(path.c_str(), 0) != 0) return;
  const volatile std::byte* first = (*map)->bytes().data();
  static_cast<void>(*first);
}

TEST(MapFaults, name_the_file_and_end_the_process) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const test::TempDirectory folder;
  EXPECT_EXIT(read_from_a_cut_file(folder.path() + "/cut.vdb"), testing::ExitedWithCode(kMapFaultExitStatus),
              "cut\\.vdb: cannot read the mapped file");
}

TEST(MapFaults, outside_every_map_end_the_process_by_the_signal) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        if (report_map_faults().ok()) ::raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST(MapFaults, are_no_longer_blamed_on_a_map_that_is_gone) {
  const std::vector<char> bytes(4096);
  for (int i = 0; i < 10'000; ++i) {
    const ListedMap listed(bytes.data(), bytes.size(), "a");
  }
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const test::TempDirectory folder;
  EXPECT_EXIT(read_from_a_cut_file(folder.path() + "/later.vdb"), testing::ExitedWithCode(kMapFaultExitStatus),
              "later\\.vdb");
}

}  // namespace
}  // namespace vibrato::io

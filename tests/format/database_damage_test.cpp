// The folder of a database that was stopped, single bits flipped in its segments and its log: the next start and a
// scrub find each of them that matters. As long as the database says that it is whole, it holds what it held.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "format_flips.hpp"
#include "support/database_script.hpp"

namespace vibrato::engine {
namespace {

void copy_folder(io::FileSystem& from, io::FileSystem& to, const std::string& folder) {
  ASSERT_OK(to.create_directory(folder));
  const auto entries = from.list_directory(folder);
  ASSERT_OK(entries);
  for (const io::FileInfo& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.is_directory) {
      copy_folder(from, to, path);
      continue;
    }
    const auto source = from.open(path, io::OpenMode::kReadOnly);
    const auto target = to.open(path, io::OpenMode::kCreateNew);
    ASSERT_OK(source);
    ASSERT_OK(target);
    std::vector<std::byte> bytes(entry.size_bytes);
    ASSERT_OK((*source)->read_at(0, bytes));
    ASSERT_OK((*target)->write_at(0, bytes));
  }
}

// A byte of a segment or of the log.
std::string flip_somewhere(io::FileSystem& disk, Random& random) {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  for (const std::string folder : {"/data/segments/", "/data/wal/"}) {
    const auto entries = disk.list_directory(folder);
    EXPECT_OK(entries);
    for (const io::FileInfo& entry : *entries) {
      files.emplace_back(folder + entry.name, entry.size_bytes);
    }
  }
  const auto& [path, bytes] = files[random.below(files.size())];
  const std::uint64_t at = random.below(bytes);
  const auto file = disk.open(path, io::OpenMode::kReadWrite);
  EXPECT_OK(file);
  std::byte byte{};
  EXPECT_OK((*file)->read_at(at, {&byte, 1}));
  byte ^= std::byte{1} << random.below(8);
  EXPECT_OK((*file)->write_at(at, {&byte, 1}));
  return path + ", byte " + std::to_string(at);
}

Status scrub(Database& database) {
  while (true) {
    VIBRATO_ASSIGN_OR_RETURN(const auto step, database.impl().maintenance->scrub_step());
    if (step.has_ended) {
      return ok_status();
    }
  }
}

TEST(DatabaseDamage, every_flipped_bit_is_harmless_or_found_by_the_start_or_a_scrub) {
  const std::uint64_t seed = test::seed_or(1357);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  io::SimulatedFileSystem whole;
  test::MadeDatabase origin(whole, test::script_options());
  test::DatabaseScript script(12, whole);
  ASSERT_OK(origin.open());
  script.run(origin, 60);
  ASSERT_OK(origin.checkpoint());
  ASSERT_OK(origin.create("last"));
  ASSERT_OK(origin.put("last", 1, 1));
  script.content["last"] = {{1, 1}};
  origin->stop();
  origin.close();
  ASSERT_TRUE(whole.has_power());
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < test::flips(150, 20); ++i) {
    io::SimulatedFileSystem disk;
    copy_folder(whole, disk, "/data");
    SCOPED_TRACE(flip_somewhere(disk, random));
    test::MadeDatabase database(disk, test::script_options());
    ASSERT_OK(database.open());  // Damage of segments and of the log degrades.
    const Status scrubbed = database->readiness().ready ? scrub(*database) : ok_status();
    ASSERT_OK(scrubbed);
    if (!database->readiness().ready) {
      ++found;
      continue;
    }
    const auto content = database.content();
    ASSERT_OK(content);
    ASSERT_EQ(*content, script.content);
  }
  EXPECT_GT(found, test::flips(150, 20) / 4);
  test::record_flips(test::flips(150, 20));
}

}  // namespace
}  // namespace vibrato::engine

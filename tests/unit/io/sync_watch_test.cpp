#include "io/sync_watch.hpp"

#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::io {
namespace {

TEST(SyncWatch, remembers_the_first_sync_that_failed_and_nothing_else) {
  SimulatedFileSystem disk;
  FaultyFileSystem faulty(disk);
  SyncWatch watch(faulty);
  const auto file = watch.open("/a", OpenMode::kCreateNew);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(0, std::as_bytes(std::span("abc", 3))));
  ASSERT_OK((*file)->sync());
  ASSERT_OK(watch.sync_directory("/"));
  EXPECT_CODE(watch.open("/none", OpenMode::kReadOnly), ErrorCode::kNotFound);
  EXPECT_OK(watch.check());

  faulty.add_rule({.call = IoCall::kWrite});
  EXPECT_FALSE((*file)->write_at(0, std::as_bytes(std::span("abc", 3))).ok());
  EXPECT_OK(watch.check());
  faulty.add_rule({.call = IoCall::kSync});
  EXPECT_FALSE((*file)->sync().ok());
  EXPECT_CODE(watch.check(), ErrorCode::kUnavailable);
  EXPECT_NE(watch.check().message().find("/a"), std::string::npos);
  // A later one that works changes nothing.
  EXPECT_OK((*file)->sync());
  faulty.add_rule({.call = IoCall::kSyncDirectory});
  EXPECT_FALSE(watch.sync_directory("/").ok());
  EXPECT_NE(watch.check().message().find("/a"), std::string::npos);
}

TEST(SyncWatch, a_folder_counts_as_well) {
  SimulatedFileSystem disk;
  FaultyFileSystem faulty(disk);
  SyncWatch watch(faulty);
  faulty.add_rule({.call = IoCall::kSyncDirectory});
  EXPECT_FALSE(watch.sync_directory("/").ok());
  EXPECT_CODE(watch.check(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace vibrato::io

// A database on a real disk while every call to the system is interrupted by a signal once and then does half of what
// it was asked: to be seen by nobody. An interrupted sync is a failed sync.
//
// The functions below stand in front of those of the C library in this program.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

#include "io/real_file_system.hpp"
#include "support/database_script.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::engine {
namespace {

std::atomic<bool> interrupts = false;
std::atomic<bool> interrupts_syncs = false;
std::atomic<std::uint64_t> interruptions = 0;

// True for every other call.
bool is_interrupted() {
  static thread_local bool next = false;
  if (!interrupts) {
    return false;
  }
  next = !next;
  if (next) {
    ++interruptions;
    errno = EINTR;
  }
  return next;
}

std::size_t shortened(std::size_t count) {
  return interrupts && count > 1 ? count / 2 : count;
}

template <typename Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace vibrato::engine

extern "C" {

::ssize_t pread(int file, void* out, std::size_t count, ::off_t offset) {
  static const auto next = vibrato::engine::next_of<::ssize_t (*)(int, void*, std::size_t, ::off_t)>("pread");
  return vibrato::engine::is_interrupted() ? -1 : next(file, out, vibrato::engine::shortened(count), offset);
}

::ssize_t pwrite(int file, const void* data, std::size_t count, ::off_t offset) {
  static const auto next = vibrato::engine::next_of<::ssize_t (*)(int, const void*, std::size_t, ::off_t)>("pwrite");
  return vibrato::engine::is_interrupted() ? -1 : next(file, data, vibrato::engine::shortened(count), offset);
}

int ftruncate(int file, ::off_t length) noexcept {
  static const auto next = vibrato::engine::next_of<int (*)(int, ::off_t)>("ftruncate");
  return vibrato::engine::is_interrupted() ? -1 : next(file, length);
}

int fdatasync(int file) {
  static const auto next = vibrato::engine::next_of<int (*)(int)>("fdatasync");
  if (vibrato::engine::interrupts_syncs) {
    errno = EINTR;
    return -1;
  }
  return next(file);
}

}  // extern "C"

namespace vibrato::engine {
namespace {

class InterruptedCalls : public ::testing::Test {
 protected:
  ~InterruptedCalls() override {
    interrupts = false;
    interrupts_syncs = false;
  }

  static DatabaseOptions options(const std::string& folder) {
    DatabaseOptions made = test::script_options();
    made.data_folder = folder;
    return made;
  }

  test::TempDirectory folder_;
  io::RealFileSystem fs_;
};

TEST_F(InterruptedCalls, are_seen_by_nobody) {
  test::MadeDatabase database(fs_, options(folder_.path("data")));
  interrupts = true;
  ASSERT_OK(database.open());
  test::DatabaseScript script(11, fs_);
  for (int step = 0; step < 60; ++step) {
    ASSERT_OK(script.step(database).status) << "step " << step;
    script.content = script.maybe;
  }
  ASSERT_OK(database.open());
  interrupts = false;
  EXPECT_GT(interruptions, 500U);
  EXPECT_TRUE(database->readiness().ready);
  const auto found = database.content();
  ASSERT_OK(found);
  EXPECT_EQ(*found, script.content);
  EXPECT_EQ(script.wrong_beside_points(database), "");
}

TEST_F(InterruptedCalls, of_a_sync_are_failed_syncs) {
  test::MadeDatabase database(fs_, options(folder_.path("data")));
  ASSERT_OK(database.open());
  ASSERT_OK(database.create("c"));
  ASSERT_OK(database.put("c", 1, 1));
  interrupts_syncs = true;
  EXPECT_CODE(database.put("c", 2, 2), ErrorCode::kUnavailable);
  interrupts_syncs = false;
  EXPECT_CODE(database.put("c", 3, 3), ErrorCode::kUnavailable);
  auto found = database.content();
  ASSERT_OK(found);
  EXPECT_EQ(*found, (test::MadeContent{{"c", {{1, 1}}}}));
  ASSERT_OK(database.open());
  EXPECT_OK(database.put("c", 3, 3));
  found = database.content();
  ASSERT_OK(found);
  found->at("c").erase(2);  // May be there: it was in flight.
  EXPECT_EQ(*found, (test::MadeContent{{"c", {{1, 1}, {3, 3}}}}));
}

}  // namespace
}  // namespace vibrato::engine

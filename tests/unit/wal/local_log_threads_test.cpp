// One writer, several readers and a trimmer on one log at once: readers see whole groups in order and no hole but an
// announced one. ThreadSanitizer runs it too.
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"

namespace vibrato::wal {
namespace {

constexpr std::uint64_t kGroups = 400;

// Reads until the last record; the number of records read, 0 when something was wrong.
std::uint64_t follow(LocalLog& log) {
  const auto cursor = log.read_from(Lsn(1));
  if (!cursor.ok()) {
    return 0;
  }
  for (std::uint64_t expected = 1; expected <= 2 * kGroups;) {
    const auto record = (*cursor)->next();
    if (!record.ok()) {
      return 0;
    }
    if (!record->has_value()) {
      std::this_thread::yield();
      continue;
    }
    if ((*record)->lsn != Lsn(expected) || (*record)->last_of_group != (expected % 2 == 0)) {
      return 0;
    }
    ++expected;
  }
  return 2 * kGroups;
}

TEST(LocalLogThreads, cursors_follow_a_writer_that_rotates) {
  io::SimulatedFileSystem fs;
  const auto log = test::open_log(fs, "/wal", test::small_log_options());
  ASSERT_TRUE(log);
  std::vector<std::uint64_t> read(3);
  std::vector<std::thread> readers;
  for (std::uint64_t& count : read) {
    readers.emplace_back([&log, &count] { count = follow(*log); });
  }
  for (std::uint64_t i = 0; i < kGroups; ++i) {
    test::commit_group(*log, {"first " + std::to_string(i), "second"}, static_cast<std::int64_t>(i));
    if (i % 7 == 0) {
      EXPECT_OK(log->prepare());
    }
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(read, std::vector<std::uint64_t>(3, 2 * kGroups));
}

TEST(LocalLogThreads, a_reader_overtaken_by_a_trim_is_told) {
  io::SimulatedFileSystem fs;
  const auto log = test::open_log(fs, "/wal", test::small_log_options());
  ASSERT_TRUE(log);
  std::atomic<bool> done = false;
  std::atomic<bool> wrong = false;
  std::thread reader([&] {
    while (!done && !wrong) {
      const Lsn oldest = log->stats().oldest_lsn;
      const auto cursor = log->read_from(oldest);
      if (!cursor.ok()) {
        wrong = cursor.status().code() != ErrorCode::kGone;
        continue;
      }
      for (Lsn last;;) {
        const auto record = (*cursor)->next();
        if (!record.ok()) {
          wrong = wrong || record.status().code() != ErrorCode::kGone;
          break;
        }
        if (!record->has_value()) {
          break;
        }
        wrong = wrong || (last.value() != 0 && (*record)->lsn != last.next());
        last = (*record)->lsn;
      }
    }
  });
  for (std::uint64_t i = 0; i < kGroups; ++i) {
    test::commit_group(*log, {std::string(60, 'b'), "second"}, static_cast<std::int64_t>(i));
    if (i % 5 == 0) {
      EXPECT_OK(log->trim(Lsn(i)));
    }
  }
  done = true;
  reader.join();
  EXPECT_FALSE(wrong);
  EXPECT_OK(log->health());
}

}  // namespace
}  // namespace vibrato::wal

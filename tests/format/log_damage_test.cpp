// A log that holds every kind of record, cut at every byte and with single bits flipped: what is read is always a
// prefix of what was written, whole groups only, and damage to what was durable is named.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"
#include "format_flips.hpp"
#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"

namespace vibrato {
namespace {

using test::OwnedGroup;
using test::OwnedRecord;

const std::string kFolder = "/wal";
const std::string kFirst = "events-00000000000000000001.log";

struct MadeLog {
  std::map<std::string, std::string> files;
  std::vector<OwnedGroup> groups;
  std::uint64_t last_append_offset = 0;  // In the newest segment.
};

// At least `bytes` of log; records of many types, lengths, collections, alone and in groups, several groups an append.
MadeLog make_log(const wal::LocalLogOptions& options, std::uint64_t bytes, bool closed, std::uint64_t seed = 5) {
  io::SimulatedFileSystem fs;
  MadeLog made;
  Random random(seed);
  const auto log = test::open_log(fs, kFolder, options);
  std::int64_t time_ms = 0;
  while (log->stats().bytes < bytes) {
    std::vector<OwnedGroup> groups(random.below(3) + 1);
    for (OwnedGroup& group : groups) {
      group.resize(random.below(3) + 1);
      for (OwnedRecord& record : group) {
        record.type = static_cast<std::uint16_t>(random.chance(0.1) ? 65'535 : random.below(30));
        record.collection = static_cast<std::uint32_t>(random.next_u64());
        record.time_ms = time_ms += static_cast<std::int64_t>(random.below(3));
        record.body = std::string(random.below(60), static_cast<char>(random.below(256)));
      }
      group.back().last_of_group = true;
    }
    const std::uint64_t before = log->segments().size();
    made.last_append_offset = log->segments().back().bytes;
    EXPECT_OK(test::append_groups(*log, groups));
    if (log->segments().size() > before) {
      made.last_append_offset = format::kLogSegmentHeaderBytes;
    }
    EXPECT_OK(log->sync());
    made.groups.insert(made.groups.end(), groups.begin(), groups.end());
  }
  if (closed) {
    EXPECT_OK(log->close());
  }
  const auto names = fs.list_directory(kFolder);
  EXPECT_OK(names);
  for (const io::FileInfo& file : *names) {
    made.files[file.name] = *test::read_text(fs, kFolder + "/" + file.name);
  }
  return made;
}

void place(io::FileSystem& fs, const std::map<std::string, std::string>& files) {
  ASSERT_OK(fs.create_directory(kFolder));
  for (const auto& [name, content] : files) {
    test::write_text(fs, kFolder + "/" + name, content);
  }
}

// Whether `found` is a whole number of the first groups.
::testing::AssertionResult is_prefix(const std::vector<OwnedRecord>& found, const std::vector<OwnedGroup>& groups) {
  const std::vector<OwnedRecord> all = test::flat(groups);
  if (found.size() > all.size() || !std::equal(found.begin(), found.end(), all.begin())) {
    return ::testing::AssertionFailure() << found.size() << " records that are no prefix";
  }
  if (!found.empty() && !found.back().last_of_group) {
    return ::testing::AssertionFailure() << "the last group is not whole";
  }
  return ::testing::AssertionSuccess();
}

// How many records end at or before `size` of the only segment.
std::size_t records_within(const std::string& content, std::uint64_t size) {
  const auto header = format::decode_log_segment_header(test::bytes_of(content));
  EXPECT_OK(header);
  const std::uint32_t salt = format::log_salt(header->store_id, header->first_lsn);
  std::size_t records = 0;
  std::size_t whole = 0;
  for (std::uint64_t at = format::kLogSegmentHeaderBytes; at < size;) {
    const auto bytes = test::bytes_of(content).subspan(at);
    const auto frame = format::decode_log_frame(bytes, at, salt);
    EXPECT_OK(frame);
    at += *format::peek_log_frame_bytes(bytes, at);
    if (at > size) {
      break;
    }
    records += frame->kind == format::LogFrameKind::kRecord ? 1 : 0;
    whole = frame->last_of_group ? records : whole;
  }
  return whole;
}

// VIBRATO_LOG_CUT_BYTES is the length of the log, VIBRATO_LOG_CUT_STRIDE the distance of the cuts: what a cut costs
// grows with the log, so that the long check cuts many short ones at every byte, and a long one at some.
TEST(LogDamage, cut_at_every_byte_gives_the_exact_prefix_and_then_takes_appends) {
  const std::uint64_t seed = test::seed_or(5);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::uint64_t bytes = test::number_from_environment("VIBRATO_LOG_CUT_BYTES", 4096);
  const std::uint64_t stride = test::number_from_environment("VIBRATO_LOG_CUT_STRIDE", 1);
  wal::LocalLogOptions options = test::plain_log_options();
  options.segment_bytes = std::max(options.segment_bytes, 2 * bytes);  // One segment, which is cut.
  const MadeLog made = make_log(options, bytes, false, seed);
  ASSERT_EQ(made.files.size(), 2U);
  const std::string& whole = made.files.at(kFirst);
  for (std::size_t size = 0; size <= whole.size(); size += stride) {
    SCOPED_TRACE(fmt::format("cut to {} bytes", size));
    std::map<std::string, std::string> files = made.files;
    files[kFirst].resize(size);
    io::SimulatedFileSystem fs;
    place(fs, files);
    const auto log = test::open_log(fs, kFolder, options);
    ASSERT_TRUE(log);
    if (size < format::kLogSegmentHeaderBytes) {
      ASSERT_EQ(log->health().code(), ErrorCode::kCorruption);  // Was durable before anything else.
      continue;
    }
    ASSERT_OK(log->health());
    const auto found = test::read_all(*log);
    ASSERT_TRUE(is_prefix(found, made.groups));
    ASSERT_EQ(found.size(), records_within(whole, size));
    // The kept prefix takes appends, which the next opening finds behind it.
    const OwnedGroup added = test::commit_group(*log, {"after", "the cut"}, 1'000'000);
    const auto again = test::open_log(fs, kFolder, options);
    ASSERT_TRUE(again);
    ASSERT_OK(again->health());
    auto expected = found;
    expected.insert(expected.end(), added.begin(), added.end());
    ASSERT_EQ(test::read_all(*again), expected);
  }
  RecordProperty("cuts", static_cast<int>(whole.size() / stride + 1));
}

TEST(LogDamage, a_closed_log_cut_at_any_byte_says_so) {
  const MadeLog made = make_log(test::plain_log_options(), 2048, true);
  const std::string& whole = made.files.at(kFirst);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::map<std::string, std::string> files = made.files;
    files[kFirst].resize(size);
    io::SimulatedFileSystem fs;
    place(fs, files);
    const auto log = test::open_log(fs, kFolder, test::plain_log_options());
    ASSERT_TRUE(log);
    ASSERT_EQ(log->health().code(), ErrorCode::kCorruption) << size;
    ASSERT_TRUE(is_prefix(test::read_all(*log), made.groups)) << size;
  }
}

struct Flip {
  std::string file;
  std::size_t offset = 0;
};

Flip flip_random_bit(std::map<std::string, std::string>& files, Random& random) {
  auto file = files.begin();
  std::advance(file, random.below(files.size()));
  const std::size_t offset = random.below(file->second.size());
  file->second[offset] = static_cast<char>(file->second[offset] ^ (1 << random.below(8)));
  return {file->first, offset};
}

TEST(LogDamage, every_flipped_bit_of_a_closed_log_is_found_and_named) {
  const std::uint64_t seed = test::seed_or(77);
  Random random(seed);
  const MadeLog made = make_log(test::small_log_options(), 8192, true);
  ASSERT_GT(made.files.size(), 5U);
  for (std::uint64_t i = 0; i < test::flips(1000, 2); ++i) {
    std::map<std::string, std::string> files = made.files;
    const Flip flip = flip_random_bit(files, random);
    SCOPED_TRACE(fmt::format("seed {}, round {}: {} at {}", seed, i, flip.file, flip.offset));
    io::SimulatedFileSystem fs;
    place(fs, files);
    const auto log = test::open_log(fs, kFolder, test::small_log_options());
    ASSERT_TRUE(log);
    ASSERT_EQ(log->health().code(), ErrorCode::kCorruption);
    ASSERT_NE(log->health().message().find(flip.file), std::string::npos) << log->health().message();
    ASSERT_TRUE(is_prefix(test::read_all(*log), made.groups));
  }
  test::record_flips(test::flips(1000, 2));
}

TEST(LogDamage, a_flipped_bit_of_an_open_log_costs_at_most_its_last_append) {
  const std::uint64_t seed = test::seed_or(78);
  Random random(seed);
  const MadeLog made = make_log(test::small_log_options(), 8192, false);
  const std::string newest = std::prev(made.files.end(), 2)->first;  // "state" sorts last.
  std::uint64_t cut = 0;
  for (std::uint64_t i = 0; i < test::flips(1000, 2); ++i) {
    std::map<std::string, std::string> files = made.files;
    const Flip flip = flip_random_bit(files, random);
    SCOPED_TRACE(fmt::format("seed {}, round {}: {} at {}", seed, i, flip.file, flip.offset));
    io::SimulatedFileSystem fs;
    place(fs, files);
    const auto log = test::open_log(fs, kFolder, test::small_log_options());
    ASSERT_TRUE(log);
    ASSERT_TRUE(is_prefix(test::read_all(*log), made.groups));
    if (flip.file == newest && flip.offset >= made.last_append_offset) {
      ASSERT_OK(log->health());  // No later group bears witness: it may as well never have been synced.
      ++cut;
    } else {
      ASSERT_EQ(log->health().code(), ErrorCode::kCorruption);
    }
  }
  EXPECT_GT(cut, 0U);
  test::record_flips(test::flips(1000, 2));
}

}  // namespace
}  // namespace vibrato

// A deletion by filter that takes many groups of the log, with an idempotency key and without, cut by a power loss at
// each of its disk operations: what is gone afterwards is whole groups in the order of the ids, and the same call again
// takes the rest; with the key it answers how many went in all.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

#include "support/made_database.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

constexpr std::uint64_t kPoints = 40;
constexpr std::uint64_t kLastOld = 29;  // Points up to here are deleted.
constexpr std::uint64_t kOld = kLastOld + 1;
constexpr std::uint32_t kGroup = 7;
constexpr std::uint64_t kDeletionStride = test::kSanitized ? 7 : 1;

std::optional<commit::IdempotencyKey> some_key(bool has_key) {
  return has_key ? std::optional(commit::IdempotencyKey{"me", "clean-up", {}}) : std::nullopt;
}

// Half of the points in a file, the others in memory.
MadeContent fill(test::MadeDatabase& database) {
  EXPECT_OK(database.open());
  EXPECT_OK(database.create("c"));
  for (std::uint64_t id = 0; id < kPoints; ++id) {
    EXPECT_OK(database.put("c", id, id));
    if (id == kPoints / 2) {
      EXPECT_OK(database.checkpoint());
    }
  }
  return database.content().value();
}

std::uint64_t number_in(const Result<std::string>& answer) {
  EXPECT_OK(answer);
  return answer.ok() ? std::stoull(*answer) : 0;
}

// How many went, if it was whole groups.
std::uint64_t groups_gone(const MadeContent& full, const MadeContent& found) {
  const std::uint64_t gone = full.at("c").size() - found.at("c").size();
  MadeContent expected = full;
  std::erase_if(expected["c"], [gone](const auto& point) { return point.first < gone; });
  EXPECT_EQ(found, expected) << "not the first ones went";
  EXPECT_TRUE(gone % kGroup == 0 || gone == kOld) << gone;
  return gone;
}

void cut_at_each_operation(bool has_key) {
  std::set<std::uint64_t> seen;  // How many were gone after the cut.
  bool was_cut = true;
  for (std::uint64_t cut = 0; was_cut; cut += kDeletionStride) {
    SCOPED_TRACE(fmt::format("cut {}", cut));
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    const MadeContent full = fill(database);
    disk.cut_power_after(cut);
    const auto first = database.delete_up_to("c", kLastOld, some_key(has_key), kGroup);
    was_cut = !disk.has_power();
    ASSERT_TRUE(was_cut || first.ok());
    disk.cut_power();
    database.close();
    disk.restart(io::kAllCrashModes[cut % std::size(io::kAllCrashModes)], cut);
    ASSERT_OK(database.open());
    const auto found = database.content();
    ASSERT_OK(found);
    const std::uint64_t gone = groups_gone(full, *found);
    seen.insert(gone);
    if (first.ok()) {
      ASSERT_EQ(gone, kOld);
      ASSERT_EQ(number_in(first), kOld);
    }
    const auto again = database.delete_up_to("c", kLastOld, some_key(has_key), kGroup);
    ASSERT_EQ(number_in(again), has_key ? kOld : kOld - gone);
    if (has_key) {
      ASSERT_EQ(*again, fmt::format("{} {}", kOld, again->substr(again->find(' ') + 1)));
      ASSERT_NE(*again, fmt::format("{} 0", kOld)) << "the LSN of the last of all";
      ASSERT_OK(database.put("c", 3, 3));
      ASSERT_EQ(*database.delete_up_to("c", kLastOld, some_key(has_key), kGroup), *again) << "it was done";
      ASSERT_OK(database.remove("c", 3));
    }
    MadeContent rest = full;
    std::erase_if(rest["c"], [](const auto& point) { return point.first <= kLastOld; });
    ASSERT_EQ(database.content().value(), rest);
  }
  if (kDeletionStride == 1) {
    EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 7, 14, 21, 28, 30}));
  }
}

TEST(DeleteByFilterPowerLoss, leaves_whole_groups_and_the_same_call_takes_the_rest) {
  cut_at_each_operation(false);
}

TEST(DeleteByFilterPowerLoss, with_a_key_the_same_call_answers_the_number_of_all) {
  cut_at_each_operation(true);
}

// What was noted of a request is in the catalog after a checkpoint, and only the newest of it counts.
TEST(DeleteByFilterPowerLoss, how_far_a_request_came_outlives_checkpoints) {
  std::uint64_t operations = 0;
  {
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    fill(database);
    const std::uint64_t before = disk.operation_count();
    ASSERT_EQ(number_in(database.delete_up_to("c", 13, some_key(true), kGroup)), 14U);
    operations = disk.operation_count() - before;
  }
  io::SimulatedFileSystem disk;
  test::MadeDatabase database(disk);
  fill(database);
  disk.cut_power_after(operations - 1);  // Without the record of its answer.
  ASSERT_FALSE(database.delete_up_to("c", 13, some_key(true), kGroup).ok());
  database.close();
  disk.restart(io::CrashMode::kKeepNone, 1);
  ASSERT_OK(database.open());
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(database->idempotency_keys().count(), 1U);
  ASSERT_OK(database.open());
  EXPECT_EQ(database->idempotency_keys().count(), 1U);
  EXPECT_EQ(number_in(database.delete_up_to("c", 13, some_key(true), kGroup)), 14U);
  EXPECT_EQ(database->idempotency_keys().count(), 1U);
}

}  // namespace
}  // namespace vibrato::engine

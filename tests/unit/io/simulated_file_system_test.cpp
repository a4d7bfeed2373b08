// SimulatedFileSystem: what is synced survives every power loss, what is not may go in every way that a disk allows.
#include "io/simulated_file_system.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "support/file_contents.hpp"

namespace vibrato::io {
namespace {

using test::bytes_of;
using test::names_in;
using test::read_text;
using test::write_durable_text;
using test::write_text;
using OperationKind = SimulatedOperation::Kind;

constexpr std::uint64_t kSeeds = 200;
constexpr std::size_t kSystemSector = SimulatedContent::kSectorBytes;

// Runs `script` on a fresh disk with the durable folder /db, takes the power, and collects what `look` sees after
// each of many losses of one mode.
template <typename Script, typename Look>
std::set<std::string> outcomes(CrashMode mode, const Script& script, const Look& look) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimulatedFileSystem fs;
    EXPECT_OK(fs.create_directory("/db"));
    EXPECT_OK(fs.sync_directory("/"));
    script(fs);
    fs.restart(mode, seed);
    seen.insert(look(fs));
  }
  return seen;
}

template <typename Script, typename Look>
std::set<std::string> outcomes_of_all_modes(const Script& script, const Look& look) {
  std::set<std::string> seen;
  for (const CrashMode mode : kAllCrashModes) {
    seen.merge(outcomes(mode, script, look));
  }
  return seen;
}

std::string names_of_db(FileSystem& fs) {
  return names_in(fs, "/db");
}
std::string content_of_a(FileSystem& fs) {
  return read_text(fs, "/db/a").value_or("(none)");
}

using Set = std::set<std::string>;

TEST(SimulatedFileSystem, what_is_synced_survives_every_mode) {
  const auto script = [](SimulatedFileSystem& fs) { write_durable_text(fs, "/db", "a", std::string(1500, 'x')); };
  EXPECT_EQ(outcomes_of_all_modes(script, content_of_a), Set{std::string(1500, 'x')});
}

TEST(SimulatedFileSystem, keep_none_loses_all_that_is_not_synced_and_keep_all_nothing) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "old");
    write_text(fs, "/db/a", "new and longer");
    write_text(fs, "/db/b", "b");
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{"old"});
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, names_of_db), Set{"a"});
  EXPECT_EQ(outcomes(CrashMode::kKeepAll, script, content_of_a), Set{"new and longer"});
  EXPECT_EQ(outcomes(CrashMode::kKeepAll, script, names_of_db), Set{"a b"});
}

TEST(SimulatedFileSystem, a_synced_file_in_an_unsynced_folder_can_lose_its_name) {
  const auto script = [](SimulatedFileSystem& fs) {
    const auto file = fs.open("/db/a", OpenMode::kCreateNew);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, bytes_of("synced")));
    ASSERT_OK((*file)->sync());
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{"(none)"});
  EXPECT_EQ(outcomes_of_all_modes(script, content_of_a), (Set{"(none)", "synced"}));
}

TEST(SimulatedFileSystem, a_synced_name_on_an_unsynced_file_can_be_empty) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_text(fs, "/db/a", "unsynced");
    ASSERT_OK(fs.sync_directory("/db"));
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{""});
  const Set seen = outcomes_of_all_modes(script, content_of_a);
  // The size can be durable before the data, which then reads as zeros.
  EXPECT_EQ(seen, (Set{"", "unsynced", std::string(8, '\0')}));
}

TEST(SimulatedFileSystem, a_rename_without_a_sync_of_the_folder_may_vanish) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "old");
    write_durable_text(fs, "/db", "t", "new");
    ASSERT_OK(fs.rename("/db/t", "/db/a"));
  };
  const auto look = [](FileSystem& fs) { return names_in(fs, "/db") + ": " + content_of_a(fs); };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, look), Set{"a t: old"});
  EXPECT_EQ(outcomes_of_all_modes(script, look), (Set{"a t: old", "a: new"}));
}

TEST(SimulatedFileSystem, a_synced_rename_of_an_unsynced_file_shows_why_the_order_matters) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "old");
    write_text(fs, "/db/t", "new");
    ASSERT_OK(fs.rename("/db/t", "/db/a"));
    ASSERT_OK(fs.sync_directory("/db"));
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{""});
  EXPECT_FALSE(outcomes_of_all_modes(script, content_of_a).contains("old"));
}

TEST(SimulatedFileSystem, a_rename_between_folders_may_survive_on_either_side_alone) {
  const auto script = [](SimulatedFileSystem& fs) {
    ASSERT_OK(fs.create_directory("/x"));
    ASSERT_OK(fs.sync_directory("/"));
    write_durable_text(fs, "/db", "a", "content");
    ASSERT_OK(fs.rename("/db/a", "/x/a"));
  };
  const auto look = [](FileSystem& fs) {
    return std::string(fs.stat("/db/a").ok() ? "source" : "") + (fs.stat("/x/a").ok() ? "target" : "");
  };
  EXPECT_EQ(outcomes(CrashMode::kRandomSectors, script, look), (Set{"", "source", "target", "sourcetarget"}));
  EXPECT_EQ(outcomes(CrashMode::kKeepPrefix, script, look), (Set{"source", "target"}));
}

TEST(SimulatedFileSystem, a_removal_without_a_sync_of_the_folder_may_come_back) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "content");
    ASSERT_OK(fs.remove_file("/db/a"));
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{"content"});
  EXPECT_EQ(outcomes_of_all_modes(script, content_of_a), (Set{"(none)", "content"}));
  const auto synced = [&](SimulatedFileSystem& fs) {
    script(fs);
    ASSERT_OK(fs.sync_directory("/db"));
  };
  EXPECT_EQ(outcomes_of_all_modes(synced, content_of_a), Set{"(none)"});
}

TEST(SimulatedFileSystem, an_unsynced_truncation_may_be_lost) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "old content");
    const auto file = fs.open("/db/a", OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->truncate(3));
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, content_of_a), Set{"old content"});
  EXPECT_EQ(outcomes(CrashMode::kKeepAll, script, content_of_a), Set{"old"});
}

TEST(SimulatedFileSystem, truncating_and_growing_does_not_bring_synced_bytes_back) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", std::string(2000, 'x'));
    const auto file = fs.open("/db/a", OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->truncate(100));
    ASSERT_OK((*file)->truncate(2000));
    ASSERT_OK((*file)->sync());
  };
  EXPECT_EQ(outcomes_of_all_modes(script, content_of_a), Set{std::string(100, 'x') + std::string(1900, '\0')});
}

TEST(SimulatedFileSystem, a_hard_link_is_a_name_that_needs_its_own_folder_sync) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "content");
    ASSERT_OK(fs.hard_link("/db/a", "/db/b"));
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, names_of_db), Set{"a"});
  const auto moved = [&](SimulatedFileSystem& fs) {
    script(fs);
    ASSERT_OK(fs.sync_directory("/db"));
    ASSERT_OK(fs.remove_file("/db/a"));
    ASSERT_OK(fs.sync_directory("/db"));
  };
  const auto look = [](FileSystem& fs) { return read_text(fs, "/db/b").value_or("(none)"); };
  EXPECT_EQ(outcomes_of_all_modes(moved, look), Set{"content"});
}

TEST(SimulatedFileSystem, a_sync_through_one_hard_link_is_a_sync_of_the_file) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "old");
    ASSERT_OK(fs.hard_link("/db/a", "/db/b"));
    const auto file = fs.open("/db/b", OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, bytes_of("new")));
    ASSERT_OK((*file)->sync());
  };
  EXPECT_EQ(outcomes_of_all_modes(script, content_of_a), Set{"new"});
}

TEST(SimulatedFileSystem, an_unsynced_folder_is_lost_with_its_synced_content) {
  const auto script = [](SimulatedFileSystem& fs) {
    ASSERT_OK(fs.create_directory("/db/sub"));
    write_durable_text(fs, "/db/sub", "a", "content");
  };
  EXPECT_EQ(outcomes(CrashMode::kKeepNone, script, names_of_db), Set{""});
  const auto synced = [&](SimulatedFileSystem& fs) {
    script(fs);
    ASSERT_OK(fs.sync_directory("/db"));
  };
  const auto look = [](FileSystem& fs) { return read_text(fs, "/db/sub/a").value_or("(none)"); };
  EXPECT_EQ(outcomes_of_all_modes(synced, look), Set{"content"});
}

// Overwrites eight durable sectors of 'o' with 'n' in one write.
void overwrite_eight_sectors(SimulatedFileSystem& fs) {
  write_durable_text(fs, "/db", "a", std::string(8 * kSystemSector, 'o'));
  const auto file = fs.open("/db/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(0, bytes_of(std::string(8 * kSystemSector, 'n'))));
}

// One letter a sector, '?' where a sector is mixed.
std::string sectors_of_a(FileSystem& fs) {
  const std::string text = content_of_a(fs);
  std::string letters;
  for (std::size_t at = 0; at < text.size(); at += kSystemSector) {
    const std::string sector = text.substr(at, kSystemSector);
    letters.push_back(sector == std::string(sector.size(), sector[0]) ? sector[0] : '?');
  }
  return letters;
}

TEST(SimulatedFileSystem, a_prefix_tears_a_write_between_sectors_only) {
  const Set seen = outcomes(CrashMode::kKeepPrefix, overwrite_eight_sectors, sectors_of_a);
  EXPECT_GT(seen.size(), 3U);
  for (const std::string& sectors : seen) {
    const std::size_t first_old = std::min(sectors.find('o'), sectors.size());
    EXPECT_EQ(sectors, std::string(first_old, 'n') + std::string(8 - first_old, 'o'));
  }
}

TEST(SimulatedFileSystem, random_sectors_mix_old_and_new_sectors_but_never_inside_one) {
  const Set seen = outcomes(CrashMode::kRandomSectors, overwrite_eight_sectors, sectors_of_a);
  EXPECT_GT(seen.size(), 50U);
  bool new_behind_old = false;
  for (const std::string& sectors : seen) {
    EXPECT_EQ(sectors.find_first_not_of("on"), std::string::npos) << sectors;
    EXPECT_EQ(sectors.size(), 8U);
    new_behind_old = new_behind_old || sectors.find("on") != std::string::npos;
  }
  EXPECT_TRUE(new_behind_old);
}

// Writes 1, 2, 3 into three neighbouring durable sectors, in three writes.
void write_three_sectors(SimulatedFileSystem& fs) {
  write_durable_text(fs, "/db", "a", std::string(3 * kSystemSector, '0'));
  const auto file = fs.open("/db/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_OK((*file)->write_at(i * kSystemSector, bytes_of(std::string(kSystemSector, static_cast<char>('1' + i)))));
  }
}

TEST(SimulatedFileSystem, reordering_keeps_later_writes_without_earlier_ones) {
  EXPECT_EQ(outcomes(CrashMode::kReordered, write_three_sectors, sectors_of_a),
            (Set{"000", "100", "020", "003", "120", "103", "023", "123"}));
}

TEST(SimulatedFileSystem, a_prefix_keeps_no_later_write_without_the_earlier_ones) {
  EXPECT_EQ(outcomes(CrashMode::kKeepPrefix, write_three_sectors, sectors_of_a), (Set{"000", "100", "120", "123"}));
}

TEST(SimulatedFileSystem, reordering_can_leave_the_older_of_two_writes_to_one_sector) {
  const auto script = [](SimulatedFileSystem& fs) {
    write_durable_text(fs, "/db", "a", "0");
    const auto file = fs.open("/db/a", OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, bytes_of("1")));
    ASSERT_OK((*file)->write_at(0, bytes_of("2")));
  };
  EXPECT_EQ(outcomes(CrashMode::kReordered, script, content_of_a), (Set{"0", "1", "2"}));
  EXPECT_EQ(outcomes(CrashMode::kRandomSectors, script, content_of_a), (Set{"0", "1", "2"}));
}

TEST(SimulatedFileSystem, a_prefix_runs_over_all_files_and_folders_in_the_order_of_the_calls) {
  const auto script = [](SimulatedFileSystem& fs) {
    for (const char* name : {"/db/a", "/db/b", "/db/c", "/db/d"}) {
      ASSERT_OK(fs.open(name, OpenMode::kCreateNew));
    }
    ASSERT_OK(fs.create_directory("/x"));
  };
  const auto look = [](FileSystem& fs) { return names_in(fs, "/db") + (fs.stat("/x").ok() ? " /x" : ""); };
  EXPECT_EQ(outcomes(CrashMode::kKeepPrefix, script, look), (Set{"", "a", "a b", "a b c", "a b c d", "a b c d /x"}));
}

TEST(SimulatedFileSystem, a_crash_in_recovery_starts_from_what_the_first_one_left) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  ASSERT_OK(fs.sync_directory("/"));
  write_durable_text(fs, "/db", "a", "one");
  write_text(fs, "/db/a", "two");
  fs.restart(CrashMode::kKeepAll, 1);
  EXPECT_EQ(content_of_a(fs), "two");
  write_text(fs, "/db/a", "three");
  fs.restart(CrashMode::kKeepNone, 2);
  EXPECT_EQ(content_of_a(fs), "two") << "what survived the first power loss is on the disk";
}

TEST(SimulatedFileSystem, the_same_seed_loses_the_same) {
  std::string first;
  for (int round = 0; round < 2; ++round) {
    SimulatedFileSystem fs;
    ASSERT_OK(fs.create_directory("/db"));
    ASSERT_OK(fs.sync_directory("/"));
    overwrite_eight_sectors(fs);
    fs.restart(CrashMode::kRandomSectors, 42);
    const std::string sectors = sectors_of_a(fs);
    EXPECT_EQ(round == 0 ? sectors : first, sectors);
    first = sectors;
  }
}

TEST(SimulatedFileSystem, without_power_every_call_fails) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  write_text(fs, "/db/a", "x");
  const auto file = fs.open("/db/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  fs.cut_power();
  EXPECT_FALSE(fs.has_power());
  std::vector<std::byte> out(1);
  EXPECT_CODE((*file)->read_at(0, out), ErrorCode::kIoError);
  EXPECT_CODE((*file)->write_at(0, out), ErrorCode::kIoError);
  EXPECT_CODE((*file)->sync(), ErrorCode::kIoError);
  EXPECT_CODE((*file)->truncate(0), ErrorCode::kIoError);
  EXPECT_CODE((*file)->size(), ErrorCode::kIoError);
  EXPECT_CODE(fs.open("/db/a", OpenMode::kReadOnly), ErrorCode::kIoError);
  EXPECT_CODE(fs.map_read_only("/db/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs.rename("/db/a", "/db/b"), ErrorCode::kIoError);
  EXPECT_CODE(fs.hard_link("/db/a", "/db/b"), ErrorCode::kIoError);
  EXPECT_CODE(fs.remove_file("/db/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs.create_directory("/db/x"), ErrorCode::kIoError);
  EXPECT_CODE(fs.remove_directory("/db"), ErrorCode::kIoError);
  EXPECT_CODE(fs.list_directory("/db"), ErrorCode::kIoError);
  EXPECT_CODE(fs.stat("/db/a"), ErrorCode::kIoError);
  EXPECT_CODE(fs.sync_directory("/db"), ErrorCode::kIoError);
  EXPECT_CODE(fs.lock_directory("/db"), ErrorCode::kIoError);
  EXPECT_CODE(fs.free_bytes("/db"), ErrorCode::kIoError);
}

TEST(SimulatedFileSystem, the_power_goes_after_the_given_number_of_changes) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  fs.cut_power_after(2);
  const auto file = fs.open("/db/a", OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK(fs.list_directory("/db"));                            // Reads are not counted.
  EXPECT_CODE(fs.remove_file("/db/none"), ErrorCode::kNotFound);  // Nor are calls that change nothing.
  EXPECT_OK((*file)->write_at(0, bytes_of("x")));
  EXPECT_CODE((*file)->sync(), ErrorCode::kIoError);
  EXPECT_EQ(fs.operation_count(), 3U);
}

TEST(SimulatedFileSystem, files_and_locks_of_before_a_power_loss_are_dead) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  ASSERT_OK(fs.sync_directory("/"));
  write_durable_text(fs, "/db", "a", "x");
  const auto file = fs.open("/db/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  auto old_lock = fs.lock_directory("/db");
  ASSERT_OK(old_lock);
  fs.restart(CrashMode::kKeepAll, 1);
  EXPECT_TRUE(fs.has_power());
  EXPECT_CODE((*file)->write_at(0, bytes_of("y")), ErrorCode::kIoError);
  const auto new_lock = fs.lock_directory("/db");
  ASSERT_OK(new_lock);
  old_lock->reset();  // Must not free the new lock.
  EXPECT_CODE(fs.lock_directory("/db"), ErrorCode::kConflict);
  EXPECT_EQ(content_of_a(fs), "x");
}

TEST(SimulatedFileSystem, a_failed_sync_may_lose_data_that_a_later_sync_cannot_save) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  ASSERT_OK(fs.sync_directory("/"));
  write_durable_text(fs, "/db", "a", "old");
  const auto file = fs.open("/db/a", OpenMode::kReadWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write_at(0, bytes_of("new")));
  fs.fail_next_sync();
  EXPECT_CODE((*file)->sync(), ErrorCode::kIoError);
  EXPECT_OK((*file)->sync());
  EXPECT_EQ(content_of_a(fs), "new");
  fs.restart(CrashMode::kKeepAll, 1);
  EXPECT_EQ(content_of_a(fs), "old");
}

TEST(SimulatedFileSystem, a_full_disk_refuses_growth_and_takes_it_again_when_there_is_space) {
  SimulatedFileSystem fs;
  fs.set_capacity(10);
  const auto file = fs.open("/a", OpenMode::kCreateNew);
  ASSERT_OK(file);
  EXPECT_OK((*file)->write_at(0, bytes_of("12345678")));
  EXPECT_CODE((*file)->write_at(8, bytes_of("901")), ErrorCode::kDiskFull);
  EXPECT_CODE((*file)->truncate(11), ErrorCode::kDiskFull);
  EXPECT_OK((*file)->write_at(8, bytes_of("90")));
  EXPECT_OK((*file)->write_at(0, bytes_of("over")));
  EXPECT_EQ(fs.free_bytes("/").value(), 0U);
  EXPECT_OK((*file)->truncate(4));
  EXPECT_EQ(fs.free_bytes("/").value(), 6U);
  EXPECT_OK(fs.hard_link("/a", "/b"));
  EXPECT_EQ(fs.free_bytes("/").value(), 6U) << "two names of one file take its space once";
}

TEST(SimulatedFileSystem, logs_each_change_in_order) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("/db"));
  write_text(fs, "/db/a", "xyz");
  write_text(fs, "/db/a", "z");
  ASSERT_OK(fs.rename("/db/a", "/db/b"));
  ASSERT_OK(fs.sync_directory("/db"));
  const std::vector<SimulatedOperation> expected = {
      {OperationKind::kCreateDirectory, "/db", 0}, {OperationKind::kCreate, "/db/a", 0},
      {OperationKind::kWrite, "/db/a", 3},         {OperationKind::kTruncate, "/db/a", 0},
      {OperationKind::kWrite, "/db/a", 1},         {OperationKind::kRename, "/db/b", 0},
      {OperationKind::kSyncDirectory, "/db", 0}};
  EXPECT_EQ(fs.operations(), expected);
}

TEST(SimulatedFileSystem, has_no_way_up_and_moves_folders_within_their_parent_only) {
  SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory("x"));
  ASSERT_OK(fs.create_directory("/y"));
  EXPECT_CODE(fs.stat("/x/../y"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(fs.rename("/x", "/y/x"), ErrorCode::kInvalidArgument);
  EXPECT_OK(fs.stat("./x//"));
}

}  // namespace
}  // namespace vibrato::io

// The events of a whole database: the same bytes live, replayed, after a checkpoint, and after power losses.
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "events/event_hub.hpp"
#include "support/made_database.hpp"
#include "support/made_events.hpp"

namespace vibrato::engine {
namespace {

using test::MadeDatabase;
using test::MadeReader;

DatabaseOptions options_of_events() {
  DatabaseOptions options = test::made_database_options();
  options.sql = true;
  options.wal_retain_bytes = 1 << 20;
  return options;
}

std::shared_ptr<MadeReader> follow(MadeDatabase& database, Lsn since = Lsn()) {
  auto reader = std::make_shared<MadeReader>();
  auto admission = database->events().admit();
  EXPECT_OK(admission);
  if (admission.ok()) {
    database->events().subscribe(*std::move(admission), since, {}, MadeReader::sink(reader));
  }
  return reader;
}

std::string id_line(Lsn lsn) {
  return "\nid: " + std::to_string(lsn.value()) + "\n";
}

// All up to what is visible.
std::string text_of(MadeDatabase& database, const std::shared_ptr<MadeReader>& reader) {
  const std::string last = id_line(database->visible_lsn());
  EXPECT_TRUE(reader->wait([&](const std::string& text, bool) { return text.find(last) != std::string::npos; }));
  return reader->text();
}
std::string replayed(MadeDatabase& database) {
  return text_of(database, follow(database));
}

// Events of every type, of a collection that is dropped among them.
void write_everything(MadeDatabase& database) {
  ASSERT_OK(database.create("songs"));
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_OK(database.put_everywhere(i, i, "songs"));
  }
  ASSERT_OK(database.remove("songs", 3));
  ASSERT_OK(database.remove_state(4));
  ASSERT_OK(database.remove_document(5));
  ASSERT_OK(database.put_row(1, 2));
  ASSERT_OK(database.create("gone"));
  ASSERT_OK(database.put("gone", 1, 1));
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.put("gone", 2, 2));
  ASSERT_OK(database.drop("gone"));
  ASSERT_OK(database.create("gone"));
  ASSERT_OK(database.put("gone", 7, 7));
}

TEST(DatabaseEvents, what_was_live_is_what_is_replayed_also_when_a_collection_is_out_of_the_catalog) {
  io::SimulatedFileSystem fs;
  MadeDatabase database(fs, options_of_events());
  ASSERT_OK(database.open());
  const auto live = follow(database);
  write_everything(database);
  const std::string text = text_of(database, live);
  EXPECT_EQ(text.find("\"#"), std::string::npos) << "every collection has its name";
  EXPECT_EQ(replayed(database), text);
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(replayed(database), text);
  database.close();
  ASSERT_OK(database.open());
  EXPECT_EQ(replayed(database), text);
}

TEST(DatabaseEvents, the_stream_of_one_that_crashed_is_that_of_one_that_never_did) {
  std::string expected;
  {
    io::SimulatedFileSystem fs;
    MadeDatabase twin(fs, options_of_events());
    ASSERT_OK(twin.open());
    const auto live = follow(twin);
    write_everything(twin);
    expected = text_of(twin, live);
  }
  std::uint64_t seed = 0;
  for (const io::CrashMode mode : io::kAllCrashModes) {
    SCOPED_TRACE(static_cast<int>(mode));
    io::SimulatedFileSystem fs;
    MadeDatabase database(fs, options_of_events());
    ASSERT_OK(database.open());
    const auto live = follow(database);
    write_everything(database);
    EXPECT_EQ(text_of(database, live), expected);
    fs.cut_power();
    database.close();
    fs.restart(mode, ++seed);
    ASSERT_OK(database.open());
    EXPECT_EQ(replayed(database), expected);
    const Lsn before = database->visible_lsn();
    const auto behind = follow(database, before);
    ASSERT_OK(database.put("songs", 100, 100));
    const std::string later = text_of(database, behind);
    EXPECT_EQ(replayed(database), expected + later) << "the LSNs jumped, and that is no gap";
    EXPECT_EQ(database->events().stats().gaps, 0U);
  }
}

TEST(DatabaseEvents, history_that_was_cut_off_is_one_gap) {
  io::SimulatedFileSystem fs;
  DatabaseOptions options = options_of_events();
  options.wal_segment_bytes = 4096;
  options.wal_retain_bytes = 4096;
  MadeDatabase database(fs, options);
  ASSERT_OK(database.open());
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_OK(database.put_state(1, i));
  }
  ASSERT_OK(database.checkpoint());
  const Lsn oldest = database->stats().oldest_lsn;
  ASSERT_GT(oldest, Lsn(1));
  const std::string text = replayed(database);
  EXPECT_TRUE(
      text.starts_with(events::gap_frame(Lsn(1), Lsn(oldest.value() - 1)) + "event: state_updated" + id_line(oldest)))
      << text.substr(0, 300);
  EXPECT_EQ(text.find("event: gap", 1), std::string::npos);
}

}  // namespace
}  // namespace vibrato::engine

// A damaged catalog answers with a Status whatever is wrong with its bytes, and never brings the process down.
#include <random>

#include "base/random.hpp"
#include "support/file_contents.hpp"
#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

constexpr std::uint64_t kRounds = 400;

void fill(Catalog& catalog) {
  ASSERT_OK(catalog.write([](Tables& tables) -> Status {
    VIBRATO_RETURN_IF_ERROR(tables.store.set_trim_lsn(Lsn(5)));
    for (std::uint32_t number = 1; number <= 20; ++number) {
      const std::string text = std::to_string(number);
      VIBRATO_RETURN_IF_ERROR(tables.collections.insert(test::made_collection(number, "c" + text)));
      VIBRATO_ASSIGN_OR_RETURN(const SegmentId segment,
                               tables.segments.insert(test::made_segment(number, "seg/" + text + ".vdb", number)));
      VIBRATO_RETURN_IF_ERROR(
          tables.segments.put_bitmap({segment, Lsn(number), 1, std::vector<std::byte>(300, std::byte{7})}));
      VIBRATO_RETURN_IF_ERROR(tables.applied.set("vector", CollectionNumber(number), Lsn(number)));
      ApiKey key = test::made_key("vbk_" + text);
      key.collections = std::vector<std::string>{"c1", "c2"};
      VIBRATO_RETURN_IF_ERROR(tables.keys.insert(key));
      const AuditEvent event{0, 1, "r", "k", "c", "a", 200, "{}"};
      VIBRATO_RETURN_IF_ERROR(tables.audit.append(std::span(&event, 1)));
      VIBRATO_RETURN_IF_ERROR(tables.jobs.insert({"job" + text, "compact", JobState::kRunning, 1, {}, "{}", {}}));
      VIBRATO_RETURN_IF_ERROR(tables.snapshots.insert({"s" + text, "snapshots/s" + text, Lsn(number), 1, 1}));
    }
    return ok_status();
  }));
}

// Reads and writes everything; how many calls found something wrong.
int use_all(Catalog& catalog) {
  int errors = 0;
  const auto count = [&errors](const auto& outcome) { errors += test::status_of(outcome).ok() ? 0 : 1; };
  (void)catalog.read([&](const Tables& tables) -> Status {
    count(tables.store.read());
    count(tables.collections.live());
    count(tables.collections.next_number());
    count(tables.segments.all());
    for (std::uint64_t id = 1; id <= 20; ++id) {
      count(tables.segments.bitmap(SegmentId(id)));
    }
    count(tables.applied.all());
    count(tables.keys.all());
    count(tables.audit.page(std::nullopt, 1000));
    count(tables.jobs.newest(1000));
    count(tables.snapshots.all());
    return ok_status();
  });
  count(catalog.verify());
  count(catalog.write([](Tables& tables) { return tables.jobs.interrupt_running(7); }));
  count(catalog.write([](Tables& tables) { return tables.keys.revoke("vbk_3", 7); }));
  return errors;
}

class DamagedCatalog : public test::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    fill(*catalog_);
    ASSERT_EQ(use_all(*catalog_), 0);
    catalog_.reset();
    content_ = test::read_text(disk_, "/data/catalog.db").value();
    ASSERT_GT(content_.size(), 40'000U);
  }
  // Opens and uses a catalog with this content in a new file system.
  static bool finds_damage(const std::string& content) {
    io::SimulatedFileSystem disk;
    EXPECT_OK(disk.create_directory("/data"));
    test::write_text(disk, "/data/catalog.db", content);
    sqlite::Vfs vfs(disk);
    const test::FakeClock clock;
    const auto opened = Catalog::open(vfs, "/data", clock);
    if (!opened.ok()) {
      EXPECT_NE(opened.status().message(), "");
      return true;
    }
    return use_all(**opened) > 0;
  }

  std::string content_;
};

TEST_F(DamagedCatalog, never_brings_the_process_down_for_flipped_bits) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::uint64_t found = 0;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    std::string damaged = content_;
    for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
      char& byte = damaged[random.below(damaged.size())];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.below(8)));
    }
    found += finds_damage(damaged) ? 1 : 0;
  }
  EXPECT_GT(found, 0U) << "not one of all these was seen";
}

TEST_F(DamagedCatalog, never_brings_the_process_down_for_lost_or_strange_pages) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  constexpr std::size_t kPage = 4096;
  for (std::size_t page = 0; page * kPage < content_.size(); ++page) {
    std::string damaged = content_;
    damaged.replace(page * kPage, kPage, std::string(kPage, '\0'));
    (void)finds_damage(damaged);
    for (std::size_t i = 0; i < kPage; ++i) {
      damaged[page * kPage + i] = static_cast<char>(random.below(256));
    }
    (void)finds_damage(damaged);
    (void)finds_damage(content_.substr(0, page * kPage + random.below(kPage)));
  }
}

TEST_F(DamagedCatalog, says_which_file_and_column_when_a_value_makes_no_sense) {
  // Only the content of a row is changed, which SQLite cannot know to be wrong.
  std::string damaged = content_;
  const std::size_t at = damaged.find("seg/17.vdb");
  ASSERT_NE(at, std::string::npos);
  for (std::size_t found = at; found != std::string::npos; found = damaged.find("seg/17.vdb", found)) {
    damaged.replace(found, 3, "...");
  }
  io::SimulatedFileSystem disk;
  ASSERT_OK(disk.create_directory("/data"));
  test::write_text(disk, "/data/catalog.db", damaged);
  sqlite::Vfs vfs(disk);
  const auto opened = Catalog::open(vfs, "/data", clock_);
  ASSERT_OK(opened);
  const auto all = (*opened)->read([](const Tables& tables) { return tables.segments.all(); });
  EXPECT_CODE(all, ErrorCode::kCorruption);
  EXPECT_EQ(all.status().message(), "/data/catalog.db: the column file is no relative path");
}

TEST_F(DamagedCatalog, a_changed_bitmap_does_not_pass_its_checksum) {
  std::string damaged = content_;
  const std::size_t at = damaged.find(std::string(300, '\7'));
  ASSERT_NE(at, std::string::npos);
  damaged[at + 100] = '\6';
  EXPECT_TRUE(finds_damage(damaged));
}

}  // namespace
}  // namespace vibrato::catalog

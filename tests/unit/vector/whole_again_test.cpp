// Parts that were marked as damaged and whose files an operator put back: the start reads them whole and takes the mark
// back, and so does the scrub where no restart is needed for it. What is not whole stays marked, with what is wrong
// now.
#include <gtest/gtest.h>
#include <string>

#include "support/file_contents.hpp"
#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

constexpr int kWholeAgainStepsMax = 1000;

class WholeAgainTest : public test::VectorStoreTest {
 protected:
  void SetUp() override {
    test::VectorStoreTest::SetUp();
    create("a");
    create("b");
    put("a", 0, 2000);
    put("b", 0, 100);
    checkpoint();
    put("a", 10, 20, 7);
    remove("a", 30, 40);
    id_ = part()->entry().id;
    file_ = part()->entry().file;
    path_ = "/data/" + file_;
    whole_ = *test::read_text(disk_, path_);
    // Within the vectors: lookups go on.
    const store::VdbFile& image = part()->rows().file();
    offset_ = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(image.vectors().base) -
                                         image.map().bytes().data()) +
              100;
  }
  [[nodiscard]] std::shared_ptr<const SealedPart> part() const {
    return store_->collection("a")->read_view().version->sealed.front();
  }
  void flip() {
    std::string damaged = whole_;
    damaged[offset_] = static_cast<char>(damaged[offset_] ^ 0x10);
    write(damaged);
  }
  // In place, so that an open map shows it as well.
  void write(const std::string& text) {
    const auto file = disk_.open(path_, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, std::as_bytes(std::span(text))));
    ASSERT_OK((*file)->sync());
  }
  std::vector<std::string> scrub() {
    std::vector<std::string> readable_again;
    for (int i = 0; i < kWholeAgainStepsMax; ++i) {
      const auto step = store_->maintenance().scrub_step();
      EXPECT_OK(step);
      if (!step.ok() || step->has_ended) {
        return readable_again;
      }
      if (!step->readable_again.empty()) {
        readable_again.push_back(step->readable_again);
      }
    }
    ADD_FAILURE() << "the pass does not end";
    return readable_again;
  }
  [[nodiscard]] catalog::Segment entry() {
    const auto all = store_->catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(all);
    for (const catalog::Segment& segment : *all) {
      if (segment.id == id_) {
        return segment;
      }
    }
    ADD_FAILURE() << "the catalog does not name the segment";
    return {};
  }
  void expect_damaged(std::string_view reason) {
    const Status writable = store_->collection("a")->check_writable();
    EXPECT_CODE(writable, ErrorCode::kUnavailable);
    EXPECT_NE(writable.message().find(reason), std::string::npos) << writable.message();
    EXPECT_EQ(store_->collection("a")->info().notes.size(), 1U);
    EXPECT_EQ(entry().state, catalog::SegmentState::kDamaged);
    EXPECT_NE(entry().damage.find(reason), std::string::npos) << entry().damage;
    EXPECT_OK(store_->collection("b")->check_writable());
  }
  void expect_whole() {
    ASSERT_OK(store_->collection("a")->check_writable());
    EXPECT_TRUE(store_->collection("a")->info().notes.empty());
    EXPECT_EQ(entry().state, catalog::SegmentState::kLive);
    EXPECT_EQ(entry().damage, "");
    expect_contents();
    put("a", 3000, 3010);
    remove("a", 50, 60);
    checkpoint();
    EXPECT_FALSE(store_->collection("a")->oldest_unsaved_lsn().has_value());
    open();
    expect_contents();
  }

  catalog::SegmentId id_;
  std::string file_;
  std::string path_;
  std::string whole_;
  std::uint64_t offset_ = 0;
};

TEST_F(WholeAgainTest, a_file_that_was_moved_away_and_put_back_is_taken_again_by_the_next_start) {
  ASSERT_OK(disk_.rename(path_, "/data/elsewhere"));
  for (int restart = 0; restart < 2; ++restart) {
    open();
    expect_damaged(path_);
    EXPECT_TRUE(store_->model().whole_again().empty());
    EXPECT_CODE(store_->collection("a")->get(PointId(std::uint64_t{50}).view()), ErrorCode::kUnavailable);
  }
  ASSERT_OK(disk_.rename("/data/elsewhere", path_));
  open();
  EXPECT_EQ(store_->model().whole_again(), (std::vector<std::string>{file_}));
  expect_whole();
  open();
  EXPECT_TRUE(store_->model().whole_again().empty());
}

TEST_F(WholeAgainTest, a_damaged_block_that_was_put_right_is_taken_again_by_the_next_start) {
  flip();
  EXPECT_TRUE(scrub().empty());
  expect_damaged("offset ");
  open();
  expect_damaged("offset ");
  write(whole_);
  open();
  expect_whole();
}

TEST_F(WholeAgainTest, what_is_put_back_damaged_or_is_another_file_stays_marked_with_what_is_wrong_now) {
  ASSERT_OK(disk_.rename(path_, "/data/elsewhere"));
  open();
  EXPECT_EQ(entry().damage.find("offset "), std::string::npos) << entry().damage;
  ASSERT_OK(disk_.rename("/data/elsewhere", path_));
  flip();
  open();
  expect_damaged("offset ");
  write(whole_);
  ASSERT_OK(disk_.remove_file(path_));
  const auto other = store_->collection("b")->read_view().version->sealed.front();
  test::write_text(disk_, path_, *test::read_text(disk_, "/data/" + other->entry().file));
  open();
  expect_damaged("(the catalog's)");
  ASSERT_OK(disk_.remove_file(path_));
  test::write_text(disk_, path_, whole_.substr(0, whole_.size() - 1));
  open();
  expect_damaged(path_);
  ASSERT_OK(disk_.remove_file(path_));
  test::write_text(disk_, path_, whole_);
  open();
  expect_whole();
}

TEST_F(WholeAgainTest, a_part_of_a_pack_is_taken_again_as_well) {
  create("small");
  create("tiny");
  put("small", 0, 30);
  put("tiny", 0, 20);
  checkpoint();
  const auto small = store_->collection("small")->read_view().version->sealed.front();
  ASSERT_EQ(small->entry().file, store_->collection("tiny")->read_view().version->sealed.front()->entry().file);
  const auto row = small->rows().file().vectors().row(29);
  id_ = small->entry().id;
  path_ = "/data/" + small->entry().file;
  whole_ = *test::read_text(disk_, path_);
  offset_ = whole_.find(std::string(reinterpret_cast<const char*>(row.data()), row.size_bytes()));
  ASSERT_NE(offset_, std::string::npos);
  flip();
  EXPECT_TRUE(scrub().empty());
  open();
  EXPECT_CODE(store_->collection("small")->check_writable(), ErrorCode::kUnavailable);
  EXPECT_OK(store_->collection("tiny")->check_writable());
  EXPECT_EQ(entry().state, catalog::SegmentState::kDamaged);
  write(whole_);
  open();
  EXPECT_EQ(entry().state, catalog::SegmentState::kLive);
  EXPECT_OK(store_->collection("small")->check_writable());
  expect_contents();
}

TEST_F(WholeAgainTest, a_file_that_cannot_be_read_for_now_keeps_the_mark_and_its_reason) {
  flip();
  EXPECT_TRUE(scrub().empty());
  const std::string reason = entry().damage;
  write(whole_);
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kRead, .path_part = path_, .for_good = true});
  open();
  expect_damaged(reason);
  fs_.clear_rules();
  open();
  expect_whole();
}

TEST_F(WholeAgainTest, a_catalog_that_cannot_take_the_mark_back_leaves_it_to_the_scrub) {
  flip();
  EXPECT_TRUE(scrub().empty());
  store_.reset();
  write(whole_);
  fs_.add_rule(
      {.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_part = "catalog.db", .for_good = true});
  open();
  EXPECT_TRUE(store_->model().whole_again().empty());
  EXPECT_CODE(store_->collection("a")->check_writable(), ErrorCode::kUnavailable);
  EXPECT_TRUE(scrub().empty());
  fs_.clear_rules();
  EXPECT_EQ(scrub(), (std::vector<std::string>{file_}));
  expect_whole();
}

TEST_F(WholeAgainTest, the_scrub_takes_the_mark_back_from_a_file_that_was_put_back_under_a_running_server) {
  ASSERT_OK(disk_.rename(path_, "/data/elsewhere"));
  EXPECT_TRUE(scrub().empty());
  expect_damaged(path_);
  EXPECT_TRUE(scrub().empty());
  ASSERT_OK(disk_.rename("/data/elsewhere", path_));
  EXPECT_EQ(scrub(), (std::vector<std::string>{file_}));
  EXPECT_TRUE(scrub().empty());
  expect_whole();
}

TEST_F(WholeAgainTest, the_scrub_leaves_a_part_that_records_passed_over_to_a_restart) {
  const store::VdbFile& image = part()->rows().file();
  offset_ =
      static_cast<std::uint64_t>(image.section(format::SectionKind::kIdHash)->data() - image.map().bytes().data()) +
      100;
  flip();
  open();  // The replay meets the damage.
  EXPECT_EQ(store_->maintenance().mark_found_damage().size(), 1U);
  expect_damaged("offset ");
  write(whole_);
  EXPECT_TRUE(scrub().empty());
  EXPECT_CODE(store_->collection("a")->check_writable(), ErrorCode::kUnavailable);
  open();
  expect_whole();
}

}  // namespace
}  // namespace vibrato::vector

// The scrub: it reads everything, finds what rotted, and neither keeps files nor takes what it may not for damage.
#include "vector/scrub.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/file_contents.hpp"
#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kScrubStepsMax = 1000;
constexpr std::uint64_t kNotReadYet = (std::uint64_t{1} << 20) + 70'000;  // By the first step in a file.

class ScrubTest : public test::VectorStoreTest {
 protected:
  struct Pass {
    std::uint64_t steps = 0;
    std::uint64_t bytes = 0;
    std::uint64_t parts = 0;
    std::vector<std::string> damage;
    std::vector<std::string> unreadable;
    std::vector<std::string> readable_again;
    std::vector<Status> errors;
  };
  Pass scrub() {
    Pass pass;
    for (; pass.steps < kScrubStepsMax; ++pass.steps) {
      const auto step = store_->maintenance().scrub_step();
      if (!step.ok()) {
        pass.errors.push_back(step.status());
        continue;
      }
      if (step->has_ended) {
        return pass;
      }
      pass.bytes += step->bytes;
      pass.parts += step->parts;
      if (!step->damage.empty()) {
        pass.damage.push_back(step->damage);
      }
      if (!step->unreadable.empty()) {
        pass.unreadable.push_back(step->unreadable);
      }
      if (!step->readable_again.empty()) {
        pass.readable_again.push_back(step->readable_again);
      }
    }
    ADD_FAILURE() << "the pass does not end";
    return pass;
  }
  [[nodiscard]] std::shared_ptr<const SealedPart> first_part(const std::string& name) const {
    return store_->collection(name)->read_view().version->sealed.front();
  }
  [[nodiscard]] std::string path_of(const std::string& name) const { return "/data/" + first_part(name)->entry().file; }
  // Without an index, so that many rows cost nothing.
  void create_flat(const std::string& name) {
    CollectionSettings settings = test::small_segment_settings(test::kStoreDim);
    settings.index = IndexKind::kFlat;
    settings.m = CollectionSettings().m;
    settings.ef_construction = CollectionSettings().ef_construction;
    ASSERT_OK(store_->create(name, settings));
  }
  void put_large(const std::string& name) {
    for (std::uint64_t first = 0; first < 20'000; first += 1000) {
      put(name, first, first + 1000);
    }
  }
  void flip_byte(const std::string& path, std::uint64_t offset) {
    const auto file = disk_.open(path, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    std::byte byte{};
    ASSERT_OK((*file)->read_at(offset, std::span(&byte, 1)));
    byte ^= std::byte{0x10};
    ASSERT_OK((*file)->write_at(offset, std::span(&byte, 1)));
    ASSERT_OK((*file)->sync());
  }
  [[nodiscard]] catalog::SegmentState state_of(catalog::SegmentId id) {
    const auto all = store_->catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(all);
    for (const catalog::Segment& segment : *all) {
      if (segment.id == id) {
        return segment.state;
      }
    }
    ADD_FAILURE() << "the catalog does not name the segment";
    return catalog::SegmentState::kLive;
  }
};

TEST_F(ScrubTest, a_pass_reads_all_blocks_of_segments_and_packs_and_then_begins_again) {
  create("large");
  put("large", 0, 1000);
  put("large", 1000, 2000);
  for (const char* const name : {"small", "tiny"}) {
    create(name);
    put(name, 0, 20);
  }
  put("large", 2000, 2001);
  checkpoint();
  std::uint64_t bytes = 0;
  for (const char* const name : {"large", "small", "tiny"}) {
    const format::VdbLayout& layout = first_part(name)->rows().file().layout();
    bytes += layout.section_table_offset - format::kVdbHeaderBytes;
  }
  ASSERT_EQ(store_->segment_files().size(), 2U);
  for (int pass = 0; pass < 2; ++pass) {
    const Pass done = scrub();
    EXPECT_EQ(done.parts, 3U);
    EXPECT_EQ(done.bytes, bytes);
    EXPECT_TRUE(done.damage.empty());
    EXPECT_TRUE(done.errors.empty());
  }
  EXPECT_OK(store_->collection("large")->check_writable());
}

TEST_F(ScrubTest, without_parts_a_pass_ends_at_once) {
  create("a");
  put("a", 0, 10);
  EXPECT_EQ(scrub().steps, 0U);
}

TEST_F(ScrubTest, damage_is_named_with_its_place_and_stays_until_an_operator_acts) {
  create("bad");
  create("good");
  for (std::uint64_t first = 0; first < 3000; first += 1000) {
    put("bad", first, first + 1000);
  }
  put("good", 0, 200);
  checkpoint();
  const catalog::SegmentId id = first_part("bad")->entry().id;
  const std::string path = path_of("bad");
  flip_byte(path, 2 * 65536 + 17);
  const Pass found = scrub();
  ASSERT_EQ(found.damage.size(), 1U);
  EXPECT_NE(found.damage[0].find(path), std::string::npos) << found.damage[0];
  EXPECT_NE(found.damage[0].find("131072"), std::string::npos) << found.damage[0];
  EXPECT_EQ(found.parts, 1U);  // The good one.
  EXPECT_EQ(state_of(id), catalog::SegmentState::kDamaged);
  const Status writable = store_->collection("bad")->check_writable();
  EXPECT_CODE(writable, ErrorCode::kUnavailable);
  EXPECT_NE(writable.message().find(found.damage[0]), std::string::npos) << writable.message();
  EXPECT_CODE(store_->put("bad", PointId(std::uint64_t{1}), test::made_vector(test::kStoreDim, 1)),
              ErrorCode::kUnavailable);
  EXPECT_OK(store_->put("good", PointId(std::uint64_t{1}), test::made_vector(test::kStoreDim, 1)));
  SearchRequest request;
  const std::vector<float> query = test::made_vector(test::kStoreDim, 7);
  request.vector = query;
  const auto answer = store_->collection("bad")->search(request);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->hits.size(), 10U);
  EXPECT_EQ(PointId(answer->hits[0].id), PointId(std::uint64_t{7}));

  EXPECT_TRUE(scrub().damage.empty());  // Told once.
  for (int restart = 0; restart < 2; ++restart) {
    open();
    const Status reopened = store_->collection("bad")->check_writable();
    EXPECT_CODE(reopened, ErrorCode::kUnavailable);
    EXPECT_EQ(reopened.message(), writable.message());  // File and offset are still told.
    EXPECT_EQ(store_->collection("bad")->info().notes, (std::vector<std::string>{writable.message()}));
    EXPECT_OK(store_->collection("good")->check_writable());
  }
  const Pass again = scrub();
  EXPECT_TRUE(again.damage.empty());
  EXPECT_EQ(again.parts, 1U);
}

TEST_F(ScrubTest, damage_in_a_pack_is_that_of_the_collections_it_lies_in) {
  for (const char* const name : {"a", "b", "c"}) {
    create(name);
    put(name, 0, 20);
  }
  checkpoint();
  ASSERT_EQ(store_->segment_files().size(), 1U);
  // All three hold the same rows: what is found is the row of one of them.
  const std::string pack = *test::read_text(disk_, path_of("b"));
  const auto row = first_part("b")->rows().file().vectors().row(3);
  const std::size_t offset = pack.find(std::string(reinterpret_cast<const char*>(row.data()), row.size_bytes()));
  ASSERT_NE(offset, std::string::npos);
  flip_byte(path_of("b"), offset);
  const Pass found = scrub();
  ASSERT_EQ(found.damage.size(), 1U);
  EXPECT_EQ(found.parts, 2U);
  std::size_t damaged = 0;
  for (const char* const name : {"a", "b", "c"}) {
    const bool writable = store_->collection(name)->check_writable().ok();
    EXPECT_EQ(state_of(first_part(name)->entry().id) == catalog::SegmentState::kLive, writable) << name;
    damaged += writable ? 0 : 1;
  }
  EXPECT_EQ(damaged, 1U);
}

TEST_F(ScrubTest, bytes_that_the_disk_does_not_give_count_until_they_can_be_read_and_are_no_damage) {
  create("a");
  create("b");
  put("a", 0, 200);
  put("b", 0, 200);
  checkpoint();
  const catalog::SegmentId id = first_part("a")->entry().id;
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kRead, .path_part = path_of("a"), .for_good = true});
  for (int pass = 0; pass < 2; ++pass) {
    const Pass found = scrub();
    EXPECT_TRUE(found.damage.empty());
    ASSERT_EQ(found.unreadable.size(), 1U);
    EXPECT_NE(found.unreadable[0].find(path_of("a")), std::string::npos) << found.unreadable[0];
    EXPECT_NE(found.unreadable[0].find("offset "), std::string::npos) << found.unreadable[0];
    EXPECT_NE(found.unreadable[0].find("could not be read"), std::string::npos) << found.unreadable[0];
    EXPECT_EQ(found.parts, 1U);
    const Status writable = store_->collection("a")->check_writable();
    EXPECT_CODE(writable, ErrorCode::kUnavailable);
    EXPECT_NE(writable.message().find(found.unreadable[0]), std::string::npos) << writable.message();
    EXPECT_EQ(store_->collection("a")->info().notes.size(), 1U);
    EXPECT_OK(store_->collection("b")->check_writable());
    EXPECT_EQ(state_of(id), catalog::SegmentState::kLive);
  }
  fs_.clear_rules();
  const Pass again = scrub();
  EXPECT_EQ(again.readable_again, (std::vector<std::string>{first_part("a")->entry().file}));
  EXPECT_EQ(again.parts, 2U);
  EXPECT_OK(store_->collection("a")->check_writable());
  put("a", 200, 210);
  expect_contents();
}

TEST_F(ScrubTest, a_part_that_could_not_be_read_and_proves_damaged_then_is_damaged) {
  create("a");
  put("a", 0, 200);
  checkpoint();
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kRead, .path_part = path_of("a")});
  EXPECT_EQ(scrub().unreadable.size(), 1U);
  flip_byte(path_of("a"), 5000);
  EXPECT_EQ(scrub().damage.size(), 1U);
  EXPECT_EQ(state_of(first_part("a")->entry().id), catalog::SegmentState::kDamaged);
  EXPECT_EQ(store_->collection("a")->info().notes.size(), 1U);
}

TEST_F(ScrubTest, a_file_that_ends_too_early_is_damage) {
  create_flat("a");
  put("a", 0, 1000);
  checkpoint();
  const auto file = disk_.open(path_of("a"), io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->truncate(70'000));
  const Pass found = scrub();
  EXPECT_EQ(found.damage.size(), 1U);
  EXPECT_TRUE(found.unreadable.empty());
}

TEST_F(ScrubTest, a_file_that_cannot_be_opened_at_the_start_is_not_marked_for_good) {
  create("a");
  put("a", 0, 200);
  checkpoint();
  const std::string path = path_of("a");
  const catalog::SegmentId id = first_part("a")->entry().id;
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kOpen, .path_part = path, .for_good = true});
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kMap, .path_part = path, .for_good = true});
  open();
  const Status writable = store_->collection("a")->check_writable();
  EXPECT_CODE(writable, ErrorCode::kUnavailable);
  EXPECT_NE(writable.message().find("could not be read"), std::string::npos) << writable.message();
  EXPECT_EQ(state_of(id), catalog::SegmentState::kLive);
  EXPECT_CODE(store_->collection("a")->get(PointId(std::uint64_t{1}).view()), ErrorCode::kUnavailable);
  fs_.clear_rules();
  open();
  EXPECT_OK(store_->collection("a")->check_writable());
  expect_contents();
}

TEST_F(ScrubTest, a_header_that_rotted_and_a_file_that_is_gone_are_damage) {
  for (const char* const name : {"cut", "gone", "whole"}) {
    create(name);
    put(name, 0, 200);
  }
  checkpoint();
  flip_byte(path_of("cut"), 10);
  ASSERT_OK(disk_.remove_file(path_of("gone")));
  EXPECT_EQ(scrub().damage.size(), 2U);
  EXPECT_FALSE(store_->collection("cut")->check_writable().ok());
  EXPECT_FALSE(store_->collection("gone")->check_writable().ok());
  EXPECT_OK(store_->collection("whole")->check_writable());
}

TEST_F(ScrubTest, a_file_that_cannot_be_opened_for_now_is_no_damage) {
  create("a");
  create("b");
  put("a", 0, 200);
  put("b", 0, 200);
  checkpoint();
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kOpen, .path_part = path_of("a")});
  const Pass pass = scrub();
  EXPECT_EQ(pass.errors.size(), 1U);
  EXPECT_TRUE(pass.damage.empty());
  EXPECT_EQ(pass.parts, 1U);
  EXPECT_OK(store_->collection("a")->check_writable());
  EXPECT_EQ(scrub().parts, 2U);
}

TEST_F(ScrubTest, damage_that_the_catalog_cannot_take_is_told_again) {
  create("a");
  put("a", 0, 200);
  checkpoint();
  const catalog::SegmentId id = first_part("a")->entry().id;
  flip_byte(path_of("a"), 5000);
  fs_.add_rule({.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_part = "catalog.db"});
  EXPECT_EQ(scrub().damage.size(), 1U);
  EXPECT_FALSE(store_->collection("a")->check_writable().ok());
  EXPECT_EQ(state_of(id), catalog::SegmentState::kLive);
  fs_.clear_rules();
  EXPECT_EQ(scrub().damage.size(), 1U);
  EXPECT_EQ(state_of(id), catalog::SegmentState::kDamaged);
}

TEST_F(ScrubTest, a_part_that_goes_in_the_middle_is_left_and_its_file_removed) {
  create_flat("a");
  create("b");
  put_large("a");
  put("b", 0, 200);
  checkpoint();
  const std::string path = path_of("a");
  ASSERT_GT(disk_.stat(path)->size_bytes, 2U << 20);
  const auto first = store_->maintenance().scrub_step();
  ASSERT_OK(first);
  EXPECT_EQ(first->parts, 0U);
  EXPECT_GT(first->bytes, 0U);
  flip_byte(path, kNotReadYet);
  ASSERT_OK(store_->drop("a"));
  checkpoint();
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_CODE(disk_.stat(path), ErrorCode::kNotFound);
  const Pass rest = scrub();
  EXPECT_TRUE(rest.damage.empty());
  EXPECT_TRUE(rest.errors.empty());
  EXPECT_EQ(rest.parts, 1U);
}

TEST_F(ScrubTest, damage_of_a_part_that_only_a_reader_still_holds_is_nobodys) {
  create_flat("a");
  put_large("a");
  checkpoint();
  const ReadView view = store_->collection("a")->read_view();
  const std::string path = path_of("a");
  ASSERT_OK(store_->maintenance().scrub_step());
  flip_byte(path, kNotReadYet);
  ASSERT_OK(store_->drop("a"));
  create("a");  // Another one, of the same name.
  const Pass pass = scrub();
  EXPECT_EQ(pass.parts, 0U);  // The rotten block was met.
  EXPECT_TRUE(pass.damage.empty());
  EXPECT_OK(store_->collection("a")->check_writable());
}

}  // namespace
}  // namespace vibrato::vector

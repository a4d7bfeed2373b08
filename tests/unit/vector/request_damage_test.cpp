// Damage that a request meets before the scrub does: the request fails, and the collection is degraded as by the scrub.
#include <gtest/gtest.h>
#include <string>

#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;

constexpr std::uint64_t kDamagedRows = 5000;

class RequestDamageTest : public test::VectorStoreTest {
 protected:
  void SetUp() override {
    test::VectorStoreTest::SetUp();
    CollectionSettings settings;
    settings.dim = test::kStoreDim;
    settings.metric = Metric::kL2;
    settings.index = IndexKind::kFlat;
    ASSERT_OK(store_->create("bad", settings));
    create("good");
    for (std::uint64_t first = 0; first < kDamagedRows; first += 1000) {
      put("bad", first, first + 1000);
    }
    put("good", 0, 60);
    checkpoint();
  }
  [[nodiscard]] std::shared_ptr<const SealedPart> part() const {
    return store_->collection("bad")->read_view().version->sealed.front();
  }
  // In every page of a section, whose rows so lie in damaged blocks.
  void damage(SectionKind kind) {
    const store::VdbFile& image = part()->rows().file();
    const auto bytes = image.section(kind);
    ASSERT_TRUE(bytes.has_value());
    const auto begin = static_cast<std::uint64_t>(bytes->data() - image.map().bytes().data());
    const std::uint64_t end = begin + bytes->size();
    const auto file = disk_.open("/data/" + part()->entry().file, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    for (std::uint64_t at = begin + 100; at < end; at += 4096) {
      std::byte byte{};
      ASSERT_OK((*file)->read_at(at, std::span(&byte, 1)));
      byte ^= std::byte{0x10};
      ASSERT_OK((*file)->write_at(at, std::span(&byte, 1)));
    }
    ASSERT_OK((*file)->sync());
    open();
  }
  [[nodiscard]] Status get(std::uint64_t id) const {
    return store_->collection("bad")->get(PointId(id).view()).status();
  }
  [[nodiscard]] Status search() const {
    SearchRequest request;
    const std::vector<float> query = test::made_vector(test::kStoreDim, 7);
    request.vector = query;
    return store_->collection("bad")->search(request).status();
  }
  [[nodiscard]] Status put_one(const std::string& name, std::uint64_t id) {
    return store_->put(name, PointId(id), test::made_vector(test::kStoreDim, id));
  }
  [[nodiscard]] catalog::Segment entry_of(catalog::SegmentId id) {
    const auto all = store_->catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(all);
    for (const catalog::Segment& segment : *all) {
      if (segment.id == id) {
        return segment;
      }
    }
    ADD_FAILURE() << "the catalog does not name the segment";
    return {};
  }
  // `failed` is what the request was answered.
  void expect_degraded(const Status& failed) {
    EXPECT_CODE(failed, ErrorCode::kCorruption);
    const catalog::SegmentId id = part()->entry().id;
    const Status writable = store_->collection("bad")->check_writable();
    EXPECT_CODE(writable, ErrorCode::kUnavailable);
    EXPECT_NE(writable.message().find(failed.message()), std::string::npos) << writable.message();
    EXPECT_NE(failed.message().find(part()->entry().file), std::string::npos) << failed.message();
    EXPECT_NE(failed.message().find("offset "), std::string::npos) << failed.message();
    EXPECT_CODE(put_one("bad", 1), ErrorCode::kUnavailable);
    EXPECT_OK(put_one("good", 1));

    EXPECT_EQ(store_->maintenance().mark_found_damage(), (std::vector<std::string>{failed.message()}));
    EXPECT_TRUE(store_->maintenance().mark_found_damage().empty());  // Told once.
    EXPECT_EQ(entry_of(id).state, catalog::SegmentState::kDamaged);
    EXPECT_EQ(entry_of(id).damage, failed.message());
    for (int restart = 0; restart < 2; ++restart) {
      open();  // It names the first damaged block, which may be another.
      const Status reopened = store_->collection("bad")->check_writable();
      EXPECT_CODE(reopened, ErrorCode::kUnavailable);
      EXPECT_NE(reopened.message().find(part()->entry().file + ": offset "), std::string::npos) << reopened.message();
      EXPECT_NE(reopened.message().find(entry_of(id).damage), std::string::npos) << reopened.message();
      EXPECT_OK(store_->collection("good")->check_writable());
    }
  }
};

TEST_F(RequestDamageTest, without_damage_nothing_is_found) {
  open();
  EXPECT_OK(get(1));
  EXPECT_OK(search());
  EXPECT_TRUE(store_->maintenance().mark_found_damage().empty());
  EXPECT_OK(store_->collection("bad")->check_writable());
}

TEST_F(RequestDamageTest, a_point_whose_vector_cannot_be_read_degrades) {
  damage(SectionKind::kVectors);
  expect_degraded(get(3));
}

TEST_F(RequestDamageTest, a_point_whose_meta_cannot_be_read_degrades) {
  damage(SectionKind::kMeta);
  expect_degraded(get(3));
}

TEST_F(RequestDamageTest, a_lookup_that_cannot_be_done_degrades) {
  damage(SectionKind::kIdHash);
  expect_degraded(get(3));
}

TEST_F(RequestDamageTest, a_hit_whose_id_cannot_be_read_degrades) {
  damage(SectionKind::kIds);
  expect_degraded(search());
}

// A record in the log has to be applied, whatever it meets.
TEST_F(RequestDamageTest, an_upsert_that_meets_damage_degrades_its_collection_and_no_other) {
  damage(SectionKind::kIdHash);
  EXPECT_OK(put_one("bad", 3));
  EXPECT_CODE(put_one("bad", 4), ErrorCode::kUnavailable);
  EXPECT_OK(put_one("good", 100));
  const Lsn durable = store_->collection("bad")->durable_lsn();
  EXPECT_EQ(store_->maintenance().mark_found_damage().size(), 1U);
  checkpoint();
  // The record stays in the log, for when the part is back.
  EXPECT_EQ(store_->collection("bad")->durable_lsn(), durable);
  EXPECT_TRUE(store_->collection("bad")->oldest_unsaved_lsn().has_value());
  open();
  EXPECT_CODE(put_one("bad", 4), ErrorCode::kUnavailable);
  EXPECT_OK(put_one("good", 101));
}

TEST_F(RequestDamageTest, damage_of_a_part_that_is_gone_is_forgotten) {
  damage(SectionKind::kIds);
  EXPECT_FALSE(search().ok());
  ASSERT_OK(store_->drop("bad"));
  EXPECT_TRUE(store_->maintenance().mark_found_damage().empty());
}

}  // namespace
}  // namespace vibrato::vector

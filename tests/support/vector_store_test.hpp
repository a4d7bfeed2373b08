// A test with a vector store on a simulated disk, and the rows that it should hold.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/faulty_file_system.hpp"
#include "support/sealed_rows.hpp"
#include "support/vector_store.hpp"

namespace vibrato::test {

inline constexpr std::uint32_t kStoreDim = 8;

// A store on a simulated disk beside what should be in it.
class VectorStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(make_store_folder(disk_));
    options_.maintenance.small_rows = 50;
    open();
  }
  void TearDown() override { store_.reset(); }

  // As a new process.
  void open() {
    store_.reset();
    auto opened = VectorStore::open(fs_, clock_, options_);
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
  }
  void create(const std::string& name) { ASSERT_OK(store_->create(name, small_segment_settings(kStoreDim))); }
  void put(const std::string& name, std::uint64_t first, std::uint64_t end, std::uint64_t version = 0) {
    std::vector<vector::PointInput> points;
    for (std::uint64_t id = first; id < end; ++id) {
      points.push_back({PointId(id), made_vector(kStoreDim, id, version), fmt::format("{{\"v\":{}}}", version)});
      expected_[name][PointId(id)] = {points.back().vector, points.back().meta_json};
    }
    ASSERT_OK(store_->put_all(name, std::move(points)));
  }
  void remove(const std::string& name, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t id = first; id < end; ++id) {
      ASSERT_OK(store_->remove(name, PointId(id)));
      expected_[name].erase(PointId(id));
    }
  }
  void checkpoint() { ASSERT_OK(store_->checkpoint()); }
  void compact_all(const std::string& name) {
    for (int round = 0; round < 20; ++round) {
      const auto done = store_->maintenance().compact(store_->collection(name), {});
      ASSERT_OK(done);
      if (done->inputs.empty()) {
        return;
      }
    }
    FAIL() << "it never settles";
  }
  // Parts of the collection, oldest first, each as large as told, of ids that were not given yet.
  void put_parts(const std::string& name, std::initializer_list<std::uint64_t> sizes) {
    for (const std::uint64_t size : sizes) {
      put(name, next_id_, next_id_ + size);
      next_id_ += size;
      checkpoint();
    }
  }
  [[nodiscard]] Result<vector::CompactionReport> compact_due() { return store_->maintenance().compact_due({}); }
  void compact_what_is_due() {
    for (int round = 0; round < 50; ++round) {
      const auto done = compact_due();
      ASSERT_OK(done);
      if (done->inputs.empty()) {
        ASSERT_OK(store_->maintenance().remove_unused());
        return;
      }
    }
    FAIL() << "it never ends";
  }
  void expect_contents() {
    for (const auto& [name, rows] : expected_) {
      const auto found = store_->contents_of(name);
      ASSERT_OK(found);
      ASSERT_EQ(*found, rows) << name;
      ASSERT_EQ(store_->collection(name)->info().live_count, rows.size()) << name;
    }
  }
  [[nodiscard]] std::size_t sealed_parts(const std::string& name) const {
    return store_->collection(name)->read_view().version->sealed.size();
  }

  io::SimulatedFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  FakeClock clock_;
  VectorStoreOptions options_;
  std::unique_ptr<VectorStore> store_;
  std::map<std::string, VectorStore::Contents> expected_;
  std::uint64_t next_id_ = 0;
};

}  // namespace vibrato::test

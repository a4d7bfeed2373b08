// A catalog on a simulated disk, and rows for it.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "catalog/catalog.hpp"
#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

inline catalog::Collection made_collection(std::uint32_t number, const std::string& name) {
  catalog::Collection collection;
  collection.number = CollectionNumber(number);
  collection.name = name;
  collection.dim = 128;
  collection.metric = Metric::kDot;
  collection.index_kind = "hnsw";
  collection.index_params = R"({"m":16})";
  collection.quantization = "auto";
  collection.created_at_ms = 1000 + number;
  collection.created_lsn = Lsn(number);
  return collection;
}

inline catalog::Segment made_segment(std::uint32_t collection, const std::string& file, std::uint64_t first_lsn) {
  catalog::Segment segment;
  segment.collection = CollectionNumber(collection);
  segment.file = file;
  segment.row_count = 100;
  segment.bytes = 51200;
  segment.first_lsn = Lsn(first_lsn);
  segment.last_lsn = Lsn(first_lsn + 99);
  return segment;
}

inline catalog::ApiKey made_key(const std::string& id) {
  catalog::ApiKey key;
  key.id = id;
  key.name = "key-of-" + id;
  key.hash.fill(static_cast<std::byte>(id.size()));
  key.roles = catalog::kRoleQuery;
  key.created_at_ms = 1000;
  return key;
}

// A test with an empty catalog.
class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(disk_.create_directory("/data"));
    ASSERT_OK(disk_.sync_directory("/"));
    open();
  }
  // Opens it, closing it before.
  void open() {
    catalog_.reset();
    auto opened = catalog::Catalog::open(vfs_, "/data", clock_);
    ASSERT_OK(opened);
    catalog_ = std::move(opened).value();
  }
  template <typename Body>
  [[nodiscard]] Status write(const Body& body) {
    return catalog_->write([&body](catalog::Tables& tables) -> Status { return body(tables); });
  }

  io::SimulatedFileSystem disk_;
  sqlite::Vfs vfs_{disk_};
  FakeClock clock_;
  std::unique_ptr<catalog::Catalog> catalog_;
};

}  // namespace vibrato::test

// Hot parts of made rows, frozen and indexed, for tests of what they are sealed to.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "support/status_matchers.hpp"
#include "support/vector_sets.hpp"
#include "vector/hot_part.hpp"
#include "vector/sealed_part.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::test {

inline vector::CollectionSettings small_segment_settings(std::uint32_t dim, Metric metric = Metric::kL2) {
  vector::CollectionSettings settings;
  settings.dim = dim;
  settings.metric = metric;
  settings.m = 8;
  settings.ef_construction = 60;
  return settings;
}

// Even rows have numbers for ids, odd ones texts.
inline PointId made_id(std::uint32_t row) {
  return row % 2 == 0 ? PointId(std::uint64_t{row} * 3) : PointId("id " + std::to_string(row));
}
inline std::string sealed_meta(std::uint32_t row) {
  return row % 3 == 0 ? std::string() : "{\"row\":" + std::to_string(row) + "}";
}
// Row r has LSN 10 + r.
inline Lsn made_lsn(std::uint32_t row) {
  return Lsn(10 + row);
}

inline std::shared_ptr<vector::HotPart> frozen_part(const vector::CollectionSettings& settings, const VectorSet& made) {
  vector::HotPartOptions options;
  options.settings = settings;
  options.row_capacity = made.rows + 10;
  auto created = vector::HotPart::create(options);
  EXPECT_OK(created);
  const std::shared_ptr<vector::HotPart> part = std::move(created).value();
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    EXPECT_OK(part->append(made_id(row).view(), made.row(row), sealed_meta(row), made_lsn(row)));
  }
  part->freeze();
  while (part->index_step(1000)) {
  }
  return part;
}

inline std::vector<hnsw::Hit> search_part(const vector::Segment& part, std::span<const float> query, std::uint32_t k,
                                          Lsn visible, bool exact = false, vector::SegmentStats* stats = nullptr) {
  vector::SegmentQuery asked;
  asked.vector = query.data();
  asked.k = k;
  asked.exact = exact;
  asked.visible = visible;
  std::vector<hnsw::Hit> hits;
  EXPECT_OK(part.search(asked, hnsw::scratch_of_this_thread(), hits, stats));
  return hits;
}

inline std::vector<std::uint32_t> rows_of(const std::vector<hnsw::Hit>& hits) {
  std::vector<std::uint32_t> rows;
  for (const hnsw::Hit& hit : hits) {
    rows.push_back(hit.row);
  }
  return rows;
}

}  // namespace vibrato::test

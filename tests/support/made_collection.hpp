// A collection without a log or a catalog, for tests: the test is applier and background work in one. Sealed parts and
// merges are real files in a folder of their own.
#pragma once

#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"
#include "vector/built_index.hpp"
#include "vector/collection.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::test {

inline PointIdView number_id(std::uint64_t number) {
  return {.is_text = false, .number = number};
}

inline PointIdView text_id(std::string_view text) {
  return {.is_text = true, .text = text};
}

inline vector::SearchRequest request_of(std::span<const float> vector, std::uint32_t k, bool exact = false) {
  vector::SearchRequest request;
  request.vector = vector;
  request.k = k;
  request.exact = exact;
  return request;
}

inline vector::CollectionSettings small_settings(std::uint32_t dim, Metric metric,
                                                 vector::IndexKind index = vector::IndexKind::kHnsw) {
  vector::CollectionSettings settings;
  settings.dim = dim;
  settings.metric = metric;
  settings.index = index;
  settings.m = 8;
  settings.ef_construction = 60;
  return settings;
}

// Thread-safety: apply (put, erase, publish) on one thread, background work (the rest) on another, reads on any.
class MadeCollection {
 public:
  explicit MadeCollection(const vector::CollectionSettings& settings, std::uint64_t hot_part_bytes = 64 << 20)
      : filter_cache_(std::make_shared<vector::FilterCache>(kFilterCacheBytes)),
        collection_(identity_of(settings), visible_,
                    {.hot_part_bytes = hot_part_bytes, .filter_cache = filter_cache_}) {
    std::filesystem::create_directories(folder_.path(std::string(vector::kSegmentsFolder)));
  }

  vector::Collection& operator*() { return collection_; }
  vector::Collection* operator->() { return &collection_; }
  const vector::Collection& operator*() const { return collection_; }
  [[nodiscard]] const vector::FilterCache& filter_cache() const { return *filter_cache_; }
  [[nodiscard]] Lsn applied() const { return Lsn(lsn_); }
  [[nodiscard]] Lsn visible() const { return visible_.get(); }

  // Applied, and not visible before publish().
  void put(const PointIdView& id, std::span<const float> vector, const std::string& meta = {}) {
    ++lsn_;
    ASSERT_OK(collection_.apply_put(id, vector, meta, Lsn(lsn_), static_cast<std::int64_t>(lsn_)));
  }
  void erase(const PointIdView& id) {
    ++lsn_;
    ASSERT_OK(collection_.apply_delete(id, Lsn(lsn_), static_cast<std::int64_t>(lsn_)));
  }
  void publish() { visible_.publish(Lsn(lsn_)); }

  // Freezes the hot part, indexes and seals all frozen parts, and publishes the files. Requires: no row of them is
  // above the visible LSN when its turn comes (waits for it).
  void seal() {
    const Lsn frozen_at = collection_.freeze_hot();
    const auto frozen = collection_.read_view().version->frozen;
    std::vector<std::shared_ptr<const vector::SealedPart>> sealed;
    for (const auto& part : frozen) {
      while (part->index_step(512)) {
      }
      while (part->last_lsn() > visible()) {
        std::this_thread::yield();
      }
      const auto entry =
          vector::seal_hot_part(fs_, folder_.path(), next_file(), CollectionNumber(1), collection_.settings(), *part);
      ASSERT_OK(entry);
      sealed.push_back(open(*entry, part->deletes()));
    }
    collection_.publish_sealed(frozen, sealed);
    collection_.set_durable_lsn(frozen_at);
  }

  // Merges sealed parts [first, first + count). `meanwhile` runs when the output is written and not published.
  void merge(std::size_t first, std::size_t count, const std::function<void()>& meanwhile = {}) {
    const Lsn at = visible();
    const auto version = collection_.read_view().version;
    const auto begin = version->sealed.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<std::shared_ptr<const vector::SealedPart>> inputs(begin,
                                                                        begin + static_cast<std::ptrdiff_t>(count));
    auto writer = vector::SegmentFileWriter::create(fs_, folder_.path(), next_file(), CollectionNumber(1),
                                                    collection_.settings());
    ASSERT_OK(writer);
    std::map<std::pair<std::size_t, std::uint32_t>, std::uint32_t> new_rows;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const vector::SealedPart& part = *inputs[i];
      for (std::uint32_t row = 0; row < part.row_count(); ++row) {
        if (part.is_alive(row, at)) {
          ASSERT_OK((*writer)->add({*part.id(row), part.row_lsn(row), *part.vector(row), *part.meta_json(row)}));
          new_rows.emplace(std::pair(i, row), static_cast<std::uint32_t>(new_rows.size()));
        }
      }
    }
    std::shared_ptr<const vector::SealedPart> output;
    if (!new_rows.empty()) {
      output = commit(**writer);
    }
    if (meanwhile) {
      meanwhile();
    }
    ASSERT_OK(collection_.publish_merged(inputs, output, at, [&](std::size_t part, std::uint32_t row) {
      return new_rows.at({part, row});
    }));
  }

 private:
  static constexpr std::size_t kFilterCacheBytes = std::size_t{1} << 20;

  static vector::CollectionIdentity identity_of(const vector::CollectionSettings& settings) {
    vector::CollectionIdentity identity;
    identity.number = CollectionNumber(1);
    identity.name = "made";
    identity.settings = settings;
    return identity;
  }

  std::string next_file() { return std::string(vector::kSegmentsFolder) + "/" + std::to_string(++files_) + ".vdb"; }

  std::shared_ptr<const vector::SealedPart> open(const catalog::Segment& entry,
                                                 std::shared_ptr<vector::DeleteLsns> deletes) {
    auto part = vector::SealedPart::open(fs_, folder_.path(), entry, collection_.settings(), std::move(deletes));
    EXPECT_OK(part);
    if (!part.ok()) {
      return nullptr;
    }
    collection_.adopt(**part);
    return std::move(part).value();
  }

  std::shared_ptr<const vector::SealedPart> commit(vector::SegmentFileWriter& writer) {
    const auto rows = writer.finish_rows();
    EXPECT_OK(rows);
    vector::GraphBuildOptions options;
    options.m = collection_.settings().m;
    options.ef_construction = collection_.settings().ef_construction;
    options.threads = 1;
    const auto index = vector::build_index(**rows, options);
    EXPECT_OK(index);
    const auto entry = writer.commit(&*index, 1);
    EXPECT_OK(entry);
    return entry.ok() ? open(*entry, nullptr) : nullptr;
  }

  TempDirectory folder_;
  io::RealFileSystem fs_;
  commit::VisibleLsn visible_;
  std::uint64_t lsn_ = 0;
  std::uint32_t files_ = 0;
  std::shared_ptr<vector::FilterCache> filter_cache_;
  vector::Collection collection_;
};

}  // namespace vibrato::test

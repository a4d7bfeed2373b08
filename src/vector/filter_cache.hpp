// What filters were evaluated to on parts that do not change, kept for the requests that come with the same filter.
//
// One cache for all parts of a process, bounded in bytes; the sets that were used longest ago go first. Only a filter
// that is asked for again is kept: those that come once neither cost memory nor drive others out. Sets hold rows that
// match, dead or alive: deletes are a part's own, and are looked at by each search.
//
// No lock is held while a filter is evaluated or a set is read: sets are shared with whoever uses them, and one that is
// driven out meanwhile lives until its last reader is done.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "filter/row_set.hpp"

namespace vibrato::vector {

// Thread-safety: all methods may be called from many threads at once.
class FilterCache {
 public:
  // One part's share. Destroyed, it takes its sets out of the cache. Thread-safety: as the cache.
  class Part;

  explicit FilterCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  FilterCache(const FilterCache&) = delete;
  FilterCache& operator=(const FilterCache&) = delete;

  // Of sets and keys, with what keeping them takes. At most bytes_max().
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  // What a set under a key counts as.
  [[nodiscard]] static std::size_t bytes_of(std::string_view key, const filter::RowSet& rows);

 private:
  struct Key {
    std::string_view text;  // That of the entry, or of whoever looks for it.
    std::size_t hash = 0;   // Computed without the lock.

    friend bool operator==(const Key& a, const Key& b) { return a.hash == b.hash && a.text == b.text; }
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.hash; }
  };
  struct Entry;
  using Entries = std::list<Entry>;
  using Index = std::unordered_map<Key, Entries::iterator, KeyHash>;
  struct Entry {
    std::string key;
    std::size_t hash = 0;
    filter::RowSetPtr rows;
    std::size_t bytes = 0;
    Index* of_part = nullptr;
  };

  static constexpr std::size_t kSeen = 4096;

  mutable std::mutex mutex_;  // Guards the members below and the indexes of the parts.
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  Entries entries_;  // The one used last is in front.
  // Marks of filters that were asked for, a place each by its hash. Another one in the same place is forgotten.
  std::array<std::uint64_t, kSeen> seen_{};
};

class FilterCache::Part {
 public:
  // What the cache knows of a filter.
  struct Known {
    filter::RowSetPtr rows;  // Null: it has to be evaluated.
    bool is_wanted = false;  // And then the cache will have it.
  };

  explicit Part(std::shared_ptr<FilterCache> cache);
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // key: filter/filter_key.hpp.
  [[nodiscard]] Known find(std::string_view key);
  // After find() said that it is wanted. Again is the same as once. A set larger than the whole cache is not kept.
  void keep(std::string_view key, const filter::RowSetPtr& rows);

 private:
  [[nodiscard]] Key key_of(std::string_view text) const;

  const std::shared_ptr<FilterCache> cache_;
  Index index_;  // Guarded by the cache's mutex.
};

}  // namespace vibrato::vector

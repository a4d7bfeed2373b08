// Rows that the file has, in memory: those that were read or saved last, as far as so many bytes reach. A key that is
// asked for again costs no look into the file.
//
// Invariant: what a reader finds here is what the file has, or what it had when the reader looked into the overlay in
// vain. For that
//   - a save tells each row that it writes. The overlay has those rows until the save is over, so nobody asks for them
//     here before;
//   - a reader that looked into the file while a save ran, or before it, adds nothing: what it found may be replaced.
// Eviction is by second chance: a row that nobody asked for since the last turn goes first.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>

#include "overlay/row_store.hpp"

namespace vibrato::overlay {

// Thread-safety: a save by one thread at a time, all else from any thread.
class RowCache {
 public:
  // Of what its rows take in memory, their keys and its own members included. 0: it keeps nothing.
  explicit RowCache(std::size_t bytes_max) : shard_bytes_max_(bytes_max / kShards) {}

  // Null if it has no row of the key.
  [[nodiscard]] RowPtr find(std::string_view key);

  // Before a look into the file, and with what was found there. keep() may find that a save came between.
  [[nodiscard]] std::uint64_t begin_read() const { return saves_.load(); }
  void keep(std::string_view key, const Row& row, std::uint64_t begun);

  // A save: begin_save(), each row before the transaction is committed, deleted ones too, end_save() also if it failed.
  void begin_save() { saves_.fetch_add(1); }
  void save(std::string_view key, const Row& row);
  void end_save() { saves_.fetch_add(1); }

  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr std::size_t kShards = 64;

  // One allocation holds what a row is, its key and its value.
  class Entry {
   public:
    Entry(std::string_view key, const Row& row);
    [[nodiscard]] std::string_view key() const { return {text(), head().key_bytes}; }
    [[nodiscard]] RowPtr row() const;
    // About what it takes in memory, the place in its set included.
    [[nodiscard]] std::size_t bytes() const { return bytes_for(head().key_bytes + head().value_bytes); }
    [[nodiscard]] static std::size_t bytes_for(std::size_t text_bytes);
    [[nodiscard]] bool was_asked_for() const { return head().was_asked_for; }
    void set_asked_for(bool asked) const { head().was_asked_for = asked; }

   private:
    struct Head {
      Lsn lsn;
      std::int64_t expires_at_ms;
      std::uint32_t key_bytes;
      std::uint32_t value_bytes;
      bool expires;
      bool was_asked_for;
    };
    [[nodiscard]] Head& head() const { return *reinterpret_cast<Head*>(bytes_.get()); }
    [[nodiscard]] char* text() const { return reinterpret_cast<char*>(bytes_.get()) + sizeof(Head); }

    std::unique_ptr<std::byte[]> bytes_;
  };
  struct HashOfKey {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
    std::size_t operator()(const Entry& entry) const { return (*this)(entry.key()); }
  };
  struct SameKey {
    using is_transparent = void;
    static std::string_view key_of(std::string_view key) { return key; }
    static std::string_view key_of(const Entry& entry) { return entry.key(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return key_of(a) == key_of(b);
    }
  };
  struct Shard {
    mutable std::mutex mutex;  // Guards the members below.
    std::unordered_set<Entry, HashOfKey, SameKey> entries;
    std::size_t bytes = 0;
    std::size_t hand = 0;  // The bucket that was looked at last for somebody to go.

    void put(std::string_view key, const Row& row, std::size_t bytes_max);
    void erase(std::string_view key);
    void make_room(std::size_t bytes_max);
  };

  [[nodiscard]] Shard& shard_of(std::string_view key);
  [[nodiscard]] bool is_worth_keeping(std::string_view key, const Row& row) const;

  const std::size_t shard_bytes_max_;
  std::atomic<std::uint64_t> saves_{0};  // Odd while one is under way.
  std::array<Shard, kShards> shards_;
};

}  // namespace vibrato::overlay

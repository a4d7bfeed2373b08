// The idempotency keys of writes, as a model of the log: which requests were done already, and what was answered.
//
// A write with a key ends its group with a record of the key (format/idempotency_record.hpp), so both survive or
// neither. The record is remembered for `keep_ms` of record time, then forgotten in the order of the LSNs; only writes
// that were accepted have one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <vibrato/result.hpp>

#include "base/limits.hpp"
#include "catalog/catalog.hpp"
#include "commit/model.hpp"

namespace vibrato::commit {

using Fingerprint = std::array<std::byte, 32>;

struct IdempotencyKey {
  std::string scope;  // The id of the caller's API key; empty without keys.
  std::string key;
  Fingerprint fingerprint{};  // SHA-256 of method, route and body.
};

struct IdempotentAnswer {
  std::uint16_t status = 200;  // Of HTTP.
  std::string body;

  friend bool operator==(const IdempotentAnswer&, const IdempotentAnswer&) = default;
};

struct IdempotencyOptions {
  std::int64_t keep_ms = std::int64_t{7} * 24 * 3600 * 1000;
  std::size_t keys_max = limits::kIdempotencyKeysMax;
  std::size_t bytes_max = limits::kIdempotencyBytesMax;
};

// kInvalidArgument unless it has 1 to limits::kIdempotencyKeyBytesMax bytes and no control characters.
[[nodiscard]] Status check_idempotency_key(std::string_view key);

// Thread-safety: as Model says; save() and the counts from any thread beside it.
class IdempotencyKeys final : public Model {
 public:
  // `catalog` outlives it.
  explicit IdempotencyKeys(catalog::Catalog& catalog, IdempotencyOptions options = {});

  // For validations: what was answered to the same request, if it was done already or is in flight before this one.
  // kConflict if another request had the key. `now_ms`: EffectList::time_ms().
  [[nodiscard]] Result<std::optional<IdempotentAnswer>> find(const IdempotencyKey& key, std::int64_t now_ms) const;

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t bytes_in_memory() const;

  [[nodiscard]] std::string_view name() const override { return "idempotency"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  [[nodiscard]] Lsn durable_lsn() const override;
  // One transaction of the catalog. Requires: all records up to `up_to`, of whatever model, are applied.
  [[nodiscard]] Status save(Lsn up_to) override;
  [[nodiscard]] Status load() override;

 private:
  struct Entry {
    Lsn lsn;
    std::int64_t time_ms = 0;
    Fingerprint fingerprint{};
    std::string scope_and_key;  // See name_of().
    std::size_t scope_bytes = 0;
    IdempotentAnswer answer;

    [[nodiscard]] std::size_t bytes() const;
  };
  using EntryPtr = std::shared_ptr<const Entry>;
  using EntryMap = std::unordered_map<std::string_view, EntryPtr>;  // The keys are borrowed from the entries.

  [[nodiscard]] static std::string name_of(std::string_view scope, std::string_view key);
  [[nodiscard]] static Result<EntryPtr> decode(const wal::StoredRecord& record);
  [[nodiscard]] static catalog::IdempotencyRow row_of(const Entry& entry);
  // Makes it the newest of its name.
  static void put(EntryMap& map, const EntryPtr& entry);
  // Unless a newer one has the name.
  static void remove(EntryMap& map, const EntryPtr& entry);
  // With mutex_ held.
  void remember(const EntryPtr& entry);
  void forget_oldest();

  catalog::Catalog& catalog_;
  const IdempotencyOptions options_;

  std::deque<EntryPtr> staged_;  // The committer's own; by LSN.
  EntryMap staged_by_name_;

  std::mutex save_mutex_;      // One save at a time. Taken before mutex_.
  mutable std::mutex mutex_;   // Guards the members below.
  std::deque<EntryPtr> kept_;  // By LSN.
  EntryMap by_name_;           // The newest of each name.
  std::size_t bytes_ = 0;
  Lsn durable_;
};

}  // namespace vibrato::commit

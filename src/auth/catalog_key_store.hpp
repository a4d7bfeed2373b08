// The keys of the catalog, all of them in memory as well: a request with an unknown or wrong key must cost no read of
// the database, nor wait for a commit that is under way.
// Invariant: memory holds what the catalog has committed through here. Nobody else writes keys while it lives, which
// the lock on the data folder sees to. The engine makes one, after it opened the catalog.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "auth/key_store.hpp"
#include "catalog/catalog.hpp"

namespace vibrato::auth {

// Thread-safety: all methods may be called from many threads at once.
class CatalogKeyStore final : public KeyStore {
 public:
  // Reads all keys. `catalog` must outlive it. Errors: those of the catalog; kCorruption for a row that is no key.
  [[nodiscard]] static Result<std::unique_ptr<CatalogKeyStore>> open(catalog::Catalog& catalog);

  [[nodiscard]] Result<std::optional<KeyRecord>> find(std::string_view id) override;
  // Errors: also kUnavailable once a sync of the catalog has failed.
  [[nodiscard]] Status insert(const KeyRecord& record) override;
  // Errors: as insert, and kNotFound. After an error the key counts as before, until a restart tells.
  [[nodiscard]] Status revoke(std::string_view id, std::int64_t revoked_at_ms) override;
  [[nodiscard]] Result<std::vector<KeyRecord>> list() override;

 private:
  using Records = std::map<std::string, KeyRecord, std::less<>>;

  CatalogKeyStore(catalog::Catalog& catalog, Records records) : catalog_(catalog), records_(std::move(records)) {}

  catalog::Catalog& catalog_;
  std::mutex write_mutex_;   // Held by a writer over its commit and its change of records_; taken first.
  std::shared_mutex mutex_;  // Guards records_; not held while the catalog commits.
  Records records_;
};

}  // namespace vibrato::auth

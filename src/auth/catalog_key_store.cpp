#include "auth/catalog_key_store.hpp"

#include <algorithm>
#include <mutex>
#include <tuple>
#include <utility>

namespace vibrato::auth {
namespace {

std::uint8_t bit_of(Role role) {
  switch (role) {
    case Role::kQuery:
      return catalog::kRoleQuery;
    case Role::kIngest:
      return catalog::kRoleIngest;
    case Role::kAdmin:
      return catalog::kRoleAdmin;
  }
  return 0;
}

catalog::ApiKey to_row(const KeyRecord& record) {
  catalog::ApiKey row;
  row.id = record.id;
  row.name = record.name;
  row.hash = record.secret_hash;
  for (const Role role : kAllRoles) {
    if (record.roles.contains(role)) {
      row.roles = static_cast<std::uint8_t>(row.roles | bit_of(role));
    }
  }
  if (!record.scope.is_everything()) {
    row.collections = record.scope.collections();
  }
  row.created_at_ms = record.created_at_ms;
  row.expires_at_ms = record.expires_at_ms;
  row.revoked_at_ms = record.revoked_at_ms;
  return row;
}

Result<KeyRecord> from_row(catalog::ApiKey row) {
  KeyRecord record;
  if (row.collections) {
    // An empty list is no scope here, and must not come to mean everything.
    auto scope = Scope::only(std::move(*row.collections));
    if (!scope.ok()) {
      return corruption("the catalog's key " + row.id + ": " + scope.status().message());
    }
    record.scope = std::move(scope).value();
  }
  record.id = std::move(row.id);
  record.name = std::move(row.name);
  record.secret_hash = row.hash;
  for (const Role role : kAllRoles) {
    if ((row.roles & bit_of(role)) != 0) {
      record.roles.add(role);
    }
  }
  record.created_at_ms = row.created_at_ms;
  record.expires_at_ms = row.expires_at_ms;
  record.revoked_at_ms = row.revoked_at_ms;
  return record;
}

}  // namespace

Result<std::unique_ptr<CatalogKeyStore>> CatalogKeyStore::open(catalog::Catalog& catalog) {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<catalog::ApiKey> rows,
                           catalog.read([](const catalog::Tables& tables) { return tables.keys.all(); }));
  Records records;
  for (catalog::ApiKey& row : rows) {
    VIBRATO_ASSIGN_OR_RETURN(KeyRecord record, from_row(std::move(row)));
    std::string id = record.id;
    records.emplace(std::move(id), std::move(record));
  }
  return std::unique_ptr<CatalogKeyStore>(new CatalogKeyStore(catalog, std::move(records)));
}

Result<std::optional<KeyRecord>> CatalogKeyStore::find(std::string_view id) {
  const std::shared_lock lock(mutex_);
  const auto found = records_.find(id);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

Status CatalogKeyStore::insert(const KeyRecord& record) {
  const std::lock_guard write_lock(write_mutex_);
  VIBRATO_RETURN_IF_ERROR(catalog_.write([&](catalog::Tables& tables) { return tables.keys.insert(to_row(record)); }));
  const std::unique_lock lock(mutex_);
  records_.emplace(record.id, record);
  return ok_status();
}

Status CatalogKeyStore::revoke(std::string_view id, std::int64_t revoked_at_ms) {
  const std::lock_guard write_lock(write_mutex_);
  std::optional<catalog::ApiKey> row;
  const Status written = catalog_.write([&](catalog::Tables& tables) -> Status {
    VIBRATO_RETURN_IF_ERROR(tables.keys.revoke(id, revoked_at_ms));
    VIBRATO_ASSIGN_OR_RETURN(row, tables.keys.find(id));
    return ok_status();
  });
  VIBRATO_RETURN_IF_ERROR(written);
  // The catalog's time, which of two revocations is that of the first.
  const std::unique_lock lock(mutex_);
  if (const auto found = records_.find(id); found != records_.end() && row) {
    found->second.revoked_at_ms = row->revoked_at_ms;
  }
  return ok_status();
}

Result<std::vector<KeyRecord>> CatalogKeyStore::list() {
  std::vector<KeyRecord> keys;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, record] : records_) {
      keys.push_back(record);
    }
  }
  std::sort(keys.begin(), keys.end(), [](const KeyRecord& a, const KeyRecord& b) {
    return std::tie(a.created_at_ms, a.id) < std::tie(b.created_at_ms, b.id);
  });
  return keys;
}

}  // namespace vibrato::auth

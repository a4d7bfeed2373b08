#include "catalog/keys_table.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/safe_path.hpp"

namespace vibrato::catalog {
namespace {

enum KeyQuery : std::size_t { kAllKeys, kFindKey, kInsertKey, kRevoke };

#define KEY_COLUMNS "id, name, hash, roles, collections, created_at_ms, expires_at_ms, revoked_at_ms"

constexpr std::string_view kKeySql[] = {
    "SELECT " KEY_COLUMNS " FROM api_keys ORDER BY created_at_ms, id",
    "SELECT " KEY_COLUMNS " FROM api_keys WHERE id = ?1",
    "INSERT INTO api_keys (" KEY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?2) WHERE id = ?1",
};
#undef KEY_COLUMNS

std::optional<std::string> to_json(const std::optional<std::vector<std::string>>& collections) {
  if (!collections) {
    return std::nullopt;
  }
  return nlohmann::json(*collections).dump();
}

std::vector<std::string> parse_collections(sqlite::Rows& rows, int column) {
  const auto json = nlohmann::json::parse(rows.text(column), nullptr, false);
  std::vector<std::string> names;
  bool is_good = json.is_array();
  for (std::size_t i = 0; is_good && i < json.size(); ++i) {
    is_good = json[i].is_string() && io::is_safe_name(json[i].get_ref<const std::string&>());
    if (is_good) {
      names.push_back(json[i].get<std::string>());
    }
  }
  if (!is_good) {
    // An unreadable limit must not become none: the caller drops the row.
    rows.reject(column, "is no list of collections");
  }
  return names;
}

ApiKey read_key_row(sqlite::Rows& rows) {
  ApiKey key;
  key.id = rows.text(0);
  key.name = rows.text(1);
  const std::vector<std::byte> hash = rows.blob(2);
  if (hash.size() == key.hash.size()) {
    std::copy(hash.begin(), hash.end(), key.hash.begin());
  } else {
    rows.reject(2, "is not 32 bytes long");
  }
  const std::uint32_t roles = rows.u32(3);
  if (roles == 0 || roles > kRolesAll) {
    rows.reject(3, "is no set of roles");
  }
  key.roles = static_cast<std::uint8_t>(roles & kRolesAll);
  if (!rows.is_null(4)) {
    key.collections = parse_collections(rows, 4);
  }
  key.created_at_ms = rows.i64(5);
  key.expires_at_ms = rows.optional_i64(6);
  key.revoked_at_ms = rows.optional_i64(7);
  return key;
}

}  // namespace

Result<KeysTable> KeysTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kKeySql));
  return KeysTable(std::move(statements));
}

Result<std::vector<ApiKey>> KeysTable::all() const {
  return read_all(statements_[kAllKeys].run(), read_key_row);
}

Result<std::optional<ApiKey>> KeysTable::find(std::string_view id) const {
  return read_first(statements_[kFindKey].run(id), read_key_row);
}

Status KeysTable::insert(const ApiKey& key) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(key.name));
  if (key.roles == 0 || key.roles > kRolesAll) {
    return invalid_argument("a key needs at least one of the roles query, ingest, admin");
  }
  for (const std::string& name : key.collections.value_or(std::vector<std::string>())) {
    VIBRATO_RETURN_IF_ERROR(io::check_name(name).with_context("collections"));
  }
  return statements_[kInsertKey].execute(key.id, key.name, key.hash, key.roles, to_json(key.collections),
                                         key.created_at_ms, key.expires_at_ms, key.revoked_at_ms);
}

Status KeysTable::revoke(std::string_view id, std::int64_t now_ms) {
  VIBRATO_RETURN_IF_ERROR(statements_[kRevoke].execute(id, now_ms));
  return statements_.connection().changed_rows() == 1 ? ok_status() : not_found("there is no key " + std::string(id));
}

}  // namespace vibrato::catalog

#include "auth/key_manager.hpp"

#include <algorithm>
#include <utility>

#include "auth/api_token.hpp"
#include "base/limits.hpp"
#include "io/safe_path.hpp"

namespace vibrato::auth {

Result<CreatedKey> KeyManager::create(const Caller& caller, const KeyRequest& request) {
  Result<CreatedKey> created = [&]() -> Result<CreatedKey> {
    const std::lock_guard lock(mutex_);
    VIBRATO_RETURN_IF_ERROR(check(request));
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t unrevoked, count_unrevoked());
    if (unrevoked >= limits::kKeysMax) {
      return Status(ErrorCode::kConflict,
                    "there are " + std::to_string(unrevoked) + " keys, which is the most; revoke one first");
    }
    return insert_new(request);
  }();
  record(caller, "keys.create", created.ok() ? created->record.id : "", created.status());
  return created;
}

Status KeyManager::revoke(const Caller& caller, std::string_view key_id) {
  // What is no id is not repeated to the audit.
  if (!is_key_id(key_id)) {
    Status status = not_found("there is no key with this id");
    record(caller, "keys.revoke", "", status);
    return status;
  }
  Status status;
  {
    const std::lock_guard lock(mutex_);
    status = parts_.store.revoke(key_id, parts_.clock.now_ms());
    // After the commit and before the answer; also after a failure, behind which the commit may have happened.
    parts_.authenticator.evict(key_id);
  }
  record(caller, "keys.revoke", key_id, status);
  return status;
}

Result<std::vector<KeyRecord>> KeyManager::list(const Caller& caller) {
  auto keys = parts_.store.list();
  record(caller, "keys.list", "", keys.status());
  return keys;
}

Result<std::optional<CreatedKey>> KeyManager::bootstrap_admin_key() {
  auto created = [&]() -> Result<std::optional<CreatedKey>> {
    const std::lock_guard lock(mutex_);
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t unrevoked, count_unrevoked());
    if (unrevoked > 0) {
      return std::optional<CreatedKey>();
    }
    VIBRATO_ASSIGN_OR_RETURN(CreatedKey key,
                             insert_new({"bootstrap-admin", {Role::kAdmin, Role::kQuery, Role::kIngest}}));
    return std::optional<CreatedKey>(std::move(key));
  }();
  if (!created.ok() || created->has_value()) {
    record({"bootstrap"}, "keys.create", created.ok() ? (*created)->record.id : "", created.status());
  }
  return created;
}

Status KeyManager::check(const KeyRequest& request) const {
  VIBRATO_RETURN_IF_ERROR(io::check_name(request.name).with_context("name"));
  if (request.roles.empty()) {
    return invalid_argument("roles: a key needs at least one of query, ingest and admin");
  }
  if (request.expires_at_ms && *request.expires_at_ms <= parts_.clock.now_ms()) {
    return invalid_argument("expires_at_ms: must be a moment to come, in milliseconds since 1970");
  }
  return ok_status();
}

Result<CreatedKey> KeyManager::insert_new(const KeyRequest& request) {
  VIBRATO_ASSIGN_OR_RETURN(NewApiToken made, make_api_token(parts_.random));
  KeyRecord key;
  key.id = std::move(made.id);
  key.name = request.name;
  key.secret_hash = hasher_.hash(made.token.view().substr(kKeyIdBytes + 1));
  key.roles = request.roles;
  key.scope = request.scope;
  key.created_at_ms = parts_.clock.now_ms();
  key.expires_at_ms = request.expires_at_ms;
  VIBRATO_RETURN_IF_ERROR(parts_.store.insert(key));
  return CreatedKey{std::move(key), std::move(made.token)};
}

Result<std::size_t> KeyManager::count_unrevoked() {
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<KeyRecord> keys, parts_.store.list());
  return static_cast<std::size_t>(
      std::count_if(keys.begin(), keys.end(), [](const KeyRecord& key) { return !key.is_revoked(); }));
}

void KeyManager::record(const Caller& caller, std::string_view action, std::string_view target, const Status& status) {
  AuditEvent event;
  event.time_ms = parts_.clock.now_ms();
  event.actor = caller.actor;
  event.client = caller.client;
  event.action = action;
  event.target = target;
  event.outcome = status.code();
  event.detail = status.message();
  event.request_id = caller.request_id;
  parts_.audit.record(event);
}

}  // namespace vibrato::auth

#include "auth/authorize.hpp"

#include <string>

namespace vibrato::auth {
namespace {

bool is_in_scope(const Scope& scope, const Access& access) {
  switch (access.reach) {
    case Reach::kWholeDatabase:
      return scope.is_everything();
    case Reach::kVisibleCollections:
      return true;
    case Reach::kOneCollection:
      return scope.allows(access.collection);
  }
  return false;
}

}  // namespace

Status authorize(const Principal& principal, const Access& access) {
  if (!principal.roles.allows(access.role)) {
    return {ErrorCode::kForbidden, "this needs the role " + std::string(to_string(access.role)) + "; the key has " +
                                       to_string(principal.roles)};
  }
  if (!is_in_scope(principal.scope, access)) {
    return {ErrorCode::kForbidden, access.reach == Reach::kOneCollection
                                       ? "the key is limited to other collections"
                                       : "the key is limited to collections, and this reaches beyond them"};
  }
  return ok_status();
}

}  // namespace vibrato::auth

// Whether a principal may do what a route does. Pure. The route table says what each route needs (Access); a 403 comes
// before any 404, so that a key learns nothing about what is outside of its scope.
#pragma once

#include <cstdint>
#include <string_view>
#include <vibrato/status.hpp>

#include "auth/principal.hpp"

namespace vibrato::auth {

// How far a route reaches.
enum class Reach : std::uint8_t {
  kWholeDatabase,       // State, SQL, batch, own events, admin: only for keys to everything.
  kVisibleCollections,  // Lists and streams: open to limited keys; the handler leaves out what scope does not allow.
  kOneCollection,       // The collection that the path names, of vectors or documents.
};

struct Access {
  Role role = Role::kAdmin;
  Reach reach = Reach::kWholeDatabase;
  std::string_view collection = {};  // For kOneCollection.
};

// Errors: kForbidden, naming the role or saying that the scope ends elsewhere.
[[nodiscard]] Status authorize(const Principal& principal, const Access& access);

}  // namespace vibrato::auth

// What the routes of the database take: every route with a body or query parameters, every field of it, and values that
// it does not take. tests/unit/api/every_field_test.cpp walks over it.
#pragma once

#include <vector>

#include "unit/api/field_rules_of_models.hpp"
#include "unit/api/field_rules_of_operations.hpp"
#include "unit/api/field_rules_of_vectors.hpp"

namespace vibrato::api::field_rules {

inline std::vector<RouteRule> all_rules() {
  std::vector<RouteRule> all = collection_rules();
  for (const auto& part : {point_rules(), search_rules(), query_rules(), admin_rules(), v2_rules(), state_rules(),
                           document_rules(), sql_rules(), event_rules(), batch_rules()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace vibrato::api::field_rules

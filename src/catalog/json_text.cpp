#include "catalog/json_text.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace vibrato::catalog {

Status check_json(std::string_view text, std::string_view field) {
  return nlohmann::json::accept(text) ? ok_status() : invalid_argument(std::string(field) + " is no JSON");
}

}  // namespace vibrato::catalog

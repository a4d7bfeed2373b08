#include "api/json_fault.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace vibrato::api {
namespace {

using Json = nlohmann::json;

// Takes everything, and keeps where the parser gave up.
class FaultFinder final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(Json::number_integer_t /*value*/) override { return true; }
  bool number_unsigned(Json::number_unsigned_t /*value*/) override { return true; }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*text*/) override { return true; }
  bool string(std::string& /*value*/) override { return true; }
  bool binary(Json::binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return true; }
  bool key(std::string& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) override {
    bytes_read = position;
    return false;
  }

  std::optional<std::size_t> bytes_read;  // The last of them is the fault.
};

}  // namespace

std::optional<std::size_t> find_json_fault(std::string_view text) {
  FaultFinder finder;
  Json::sax_parse(text.begin(), text.end(), &finder);
  if (!finder.bytes_read.has_value()) {
    return std::nullopt;
  }
  return std::min(std::max<std::size_t>(*finder.bytes_read, 1) - 1, text.size());
}

}  // namespace vibrato::api

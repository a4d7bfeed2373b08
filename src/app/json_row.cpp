#include "app/json_row.hpp"

#include <cmath>
#include <cstddef>
#include <simdjson.h>
#include <string_view>
#include <utility>

#include "base/limits.hpp"

namespace vibrato::app {
namespace {

// simdjson counts the document itself as a level, and refuses when it reaches the maximum.
constexpr std::size_t kParserDepth = limits::kJsonDepthMax + 1;

Status invalid_json(std::string message) {
  return {ErrorCode::kInvalidJson, std::move(message)};
}

Result<std::string> compact(simdjson::dom::element element) {
  if (element.is_null()) return std::string();
  std::string text = simdjson::minify(element);
  if (text.size() > limits::kMetaBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, "meta has " + std::to_string(text.size()) + " bytes, the limit is " +
                                                   std::to_string(limits::kMetaBytesMax));
  }
  return text;
}

Status read_vector(simdjson::dom::element element, std::vector<float>& out) {
  simdjson::dom::array numbers;
  if (element.get(numbers) != simdjson::SUCCESS) return invalid_argument("the vector is not an array of numbers");
  out.clear();
  for (const simdjson::dom::element item : numbers) {
    double number = 0;
    if (!item.is_number() || item.get(number) != simdjson::SUCCESS) {
      return invalid_argument("element " + std::to_string(out.size()) + " of the vector is not a number");
    }
    if (out.size() == limits::kDimMax) {
      return invalid_argument("the vector has more than " + std::to_string(limits::kDimMax) + " numbers");
    }
    out.push_back(static_cast<float>(number));
    if (!std::isfinite(out.back())) {
      return invalid_argument("element " + std::to_string(out.size() - 1) + " of the vector is past the float range");
    }
  }
  return ok_status();
}

Status read_object(simdjson::dom::object object, InputRow& row) {
  bool has_vector = false;
  for (const auto& [key, value] : object) {
    if (key == "vector") {
      VIBRATO_RETURN_IF_ERROR(read_vector(value, row.vector));
      has_vector = true;
    } else if (key == "meta") {
      VIBRATO_ASSIGN_OR_RETURN(row.meta_json, compact(value));
    } else if (key == "id") {
      row.id_json = simdjson::minify(value);
    } else {
      return {ErrorCode::kUnknownField,
              "unknown field '" + std::string(key) + "'; a row has 'vector' and, if wanted, 'id' and 'meta'"};
    }
  }
  return has_vector ? ok_status() : invalid_argument("the field 'vector' is missing");
}

}  // namespace

class JsonRowParser::Impl {
 public:
  Impl() {
    // allocate() fixes the depth that parse() then keeps to.
    allocated_ = parser_.allocate(simdjson::SIMDJSON_PADDING, kParserDepth) == simdjson::SUCCESS;
  }

  Result<simdjson::dom::element> parse(const std::string& text) {
    if (!allocated_) return Status(ErrorCode::kInternal, "out of memory for a JSON parser");
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return invalid_json("there is no JSON value");
    simdjson::dom::element element;
    const simdjson::error_code error = parser_.parse(text).get(element);
    if (error != simdjson::SUCCESS)
      return invalid_json(std::string("malformed JSON: ") + simdjson::error_message(error));
    return element;
  }

 private:
  simdjson::dom::parser parser_;
  bool allocated_ = false;
};

JsonRowParser::JsonRowParser() : impl_(std::make_unique<Impl>()) {}
JsonRowParser::~JsonRowParser() = default;
JsonRowParser::JsonRowParser(JsonRowParser&&) noexcept = default;

Status JsonRowParser::parse_row(const std::string& text, InputRow& row) {
  row.meta_json.clear();
  row.id_json.clear();
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::element element, impl_->parse(text));
  simdjson::dom::object object;
  if (element.get(object) == simdjson::SUCCESS) return read_object(object, row);
  return read_vector(element, row.vector);
}

Result<std::string> JsonRowParser::parse_meta(const std::string& text) {
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::element element, impl_->parse(text));
  return compact(element);
}

}  // namespace vibrato::app

#include "api/json_diagnosis.hpp"

#include <cstddef>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vibrato::api {
namespace {

// Walks the text event by event, keeps the path to the current value, and stops at the first number that is too
// large. nlohmann reports an overflowing number as error 406, and turns a long integer into a float.
class NumberSearch : public nlohmann::json_sax<nlohmann::json> {
 public:
  [[nodiscard]] Status result() const {
    if (!too_large_.empty()) {
      return invalid_argument(too_large_);
    }
    return {ErrorCode::kInvalidJson, broken_.empty() ? "the body holds a number that is not valid JSON" : broken_};
  }

  bool null() override { return next(); }
  bool boolean(bool /*value*/) override { return next(); }
  bool number_integer(number_integer_t /*value*/) override { return next(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return next(); }
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    if (text.find_first_of(".eE") == std::string::npos) {
      too_large_ = fmt::format("{} is an integer of more than 64 bits; write it with an exponent", path());
      return false;
    }
    return next();
  }
  bool string(string_t& /*value*/) override { return next(); }
  bool binary(binary_t& /*value*/) override { return next(); }
  bool start_object(std::size_t /*elements*/) override {
    levels_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    levels_.back().key = name;
    return true;
  }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t /*elements*/) override {
    levels_.emplace_back().is_array = true;
    return true;
  }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) {
      too_large_ = fmt::format("{} is too large a number", path());
    } else {
      broken_ = fmt::format("the body is not valid JSON near byte {}", position);
    }
    return false;
  }

 private:
  struct Level {
    bool is_array = false;
    std::size_t index = 0;
    std::string key;
  };

  bool next() {
    if (!levels_.empty()) {
      ++levels_.back().index;
    }
    return true;
  }
  bool leave() {
    levels_.pop_back();
    return next();
  }
  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      if (level.is_array) {
        text += fmt::format("[{}]", level.index);
      } else {
        text += (text.empty() ? "" : ".") + level.key;
      }
    }
    return text.empty() ? "the body" : text;
  }

  std::vector<Level> levels_;
  std::string too_large_;
  std::string broken_;
};

}  // namespace

Status diagnose_bad_number(std::string_view body) {
  NumberSearch search;
  static_cast<void>(nlohmann::json::sax_parse(body, &search));
  return search.result();
}

}  // namespace vibrato::api

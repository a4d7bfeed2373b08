#include "vector/build_info.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace vibrato::vector {
namespace {

using nlohmann::json;

template <typename T>
bool take_number(const json& object, const char* name, T& out) {
  const auto at = object.find(name);
  if (at == object.end() || !at->is_number_unsigned() || at->get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    return false;
  }
  out = at->get<T>();
  return true;
}

bool take_seed(const json& object, std::uint64_t& out) {
  const auto at = object.find("seed");
  if (at == object.end() || !at->is_string()) {
    return false;
  }
  const auto& text = at->get_ref<const std::string&>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool take_codes(const json& object, quant::CodeKind& out) {
  const auto at = object.find("codes");
  if (at == object.end() || !at->is_string()) {
    return false;
  }
  for (const auto kind : {quant::CodeKind::kNone, quant::CodeKind::kSq8, quant::CodeKind::kSq4, quant::CodeKind::kPq}) {
    if (at->get_ref<const std::string&>() == quant::to_string(kind)) {
      out = kind;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string build_info_json(const BuildInfo& info) {
  nlohmann::ordered_json object;
  object["m"] = info.m;
  object["ef_construction"] = info.ef_construction;
  object["seed"] = std::to_string(info.seed);
  object["codes"] = std::string(quant::to_string(info.codes));
  if (info.sq4_recall) {
    object["sq4_recall"] = std::round(*info.sq4_recall * 1e4) / 1e4;
  }
  return object.dump();
}

std::optional<BuildInfo> parse_build_info(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  BuildInfo info;
  if (!object.is_object() || !take_number(object, "m", info.m) ||
      !take_number(object, "ef_construction", info.ef_construction) || !take_seed(object, info.seed) ||
      !take_codes(object, info.codes)) {
    return std::nullopt;
  }
  if (const auto at = object.find("sq4_recall"); at != object.end() && at->is_number()) {
    info.sq4_recall = at->get<double>();
  }
  return info;
}

}  // namespace vibrato::vector

// What a vector database should hold, in maps: the plainest thing that random runs are held against.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/status.hpp>

#include "base/point_id.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::test {

struct OraclePoint {
  std::vector<float> vector;
  std::string meta_json;

  friend bool operator==(const OraclePoint&, const OraclePoint&) = default;
};

struct OracleCollection {
  std::string name;
  vector::CollectionSettings settings;
  std::map<PointId, OraclePoint> points;

  friend bool operator==(const OracleCollection&, const OracleCollection&) = default;
};

// Each method answers the code that the same write of the database must be answered with.
class VectorOracle {
 public:
  ErrorCode create(const std::string& name, const vector::CollectionSettings& settings) {
    for (const auto& [number, collection] : collections) {
      if (collection.name == name) {
        return collection.settings == settings ? ErrorCode::kOk : ErrorCode::kAlreadyExists;
      }
    }
    collections[next_number++] = {name, settings, {}};
    return ErrorCode::kOk;
  }
  ErrorCode drop(const std::string& name) {
    return std::erase_if(collections, [&](const auto& one) { return one.second.name == name; }) == 1
               ? ErrorCode::kOk
               : ErrorCode::kNotFound;
  }
  ErrorCode add(std::uint32_t number, const vector::PointInput& point) {
    OracleCollection* const to = find(number);
    if (to == nullptr) return ErrorCode::kNotFound;
    const bool is_new = to->points.emplace(point.id, OraclePoint{point.vector, point.meta_json}).second;
    return is_new ? ErrorCode::kOk : ErrorCode::kAlreadyExists;
  }
  ErrorCode upsert(std::uint32_t number, const std::vector<vector::PointInput>& points) {
    OracleCollection* const to = find(number);
    if (to == nullptr) return ErrorCode::kNotFound;
    for (const vector::PointInput& point : points) {
      to->points[point.id] = {point.vector, point.meta_json};
    }
    return ErrorCode::kOk;
  }
  ErrorCode update(std::uint32_t number, const vector::UpdateInput& update) {
    OracleCollection* const to = find(number);
    if (to == nullptr || !to->points.contains(update.id)) return ErrorCode::kNotFound;
    OraclePoint& point = to->points[update.id];
    point.vector = update.vector.value_or(point.vector);
    if (update.meta_json && update.meta_mode == vector::MetaMode::kMerge) {
      auto meta = nlohmann::json::parse(point.meta_json.empty() ? "null" : point.meta_json);
      meta.merge_patch(nlohmann::json::parse(*update.meta_json));
      point.meta_json = meta.dump();
    } else if (update.meta_json) {
      point.meta_json = *update.meta_json;
    }
    return ErrorCode::kOk;
  }
  // One id; or several, which never fails for absent ones.
  ErrorCode erase(std::uint32_t number, const std::vector<PointId>& ids) {
    OracleCollection* const from = find(number);
    if (from == nullptr) return ErrorCode::kNotFound;
    std::size_t erased = 0;
    for (const PointId& id : ids) {
      erased += from->points.erase(id);
    }
    return erased == 0 && ids.size() == 1 ? ErrorCode::kNotFound : ErrorCode::kOk;
  }

  [[nodiscard]] std::optional<std::uint32_t> number_of(const std::string& name) const {
    for (const auto& [number, collection] : collections) {
      if (collection.name == name) return number;
    }
    return std::nullopt;
  }

  std::map<std::uint32_t, OracleCollection> collections;  // By number.
  std::uint32_t next_number = 1;

 private:
  OracleCollection* find(std::uint32_t number) {
    const auto found = collections.find(number);
    return found == collections.end() ? nullptr : &found->second;
  }
};

}  // namespace vibrato::test

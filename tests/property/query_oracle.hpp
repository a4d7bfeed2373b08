// A collection as a plain map, and the answers of its routes worked out from their description: nearest points by exact
// distances, groups, examples. With filter_oracle.hpp what the routes are held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "property/filter_oracle.hpp"
#include "property/made_meta.hpp"

namespace vibrato::test {

// Numbers, then strings bytewise.
inline bool oracle_id_less(const json& a, const json& b) {
  if (a.is_string() != b.is_string()) return b.is_string();
  return a.is_string() ? a.get<std::string>() < b.get<std::string>() : a.get<std::uint64_t>() < b.get<std::uint64_t>();
}

struct PlainPoint {
  json id;
  std::vector<float> vector;
  json meta;
};
using PlainMatches = std::vector<const PlainPoint*>;  // By id.

// Ties come in id order.
struct PlainHit {
  double distance = 0;
  const PlainPoint* point = nullptr;

  friend bool operator<(const PlainHit& a, const PlainHit& b) {
    return a.distance != b.distance ? a.distance < b.distance : oracle_id_less(a.point->id, b.point->id);
  }
};

class PlainCollection {
 public:
  PlainCollection() = default;
  PlainCollection(std::size_t dim, std::string metric) : dim_(dim), metric_(std::move(metric)) {}

  [[nodiscard]] std::size_t dim() const { return dim_; }
  // Whether whole numbers give distances without rounding.
  [[nodiscard]] bool is_exact() const { return metric_ != "cosine"; }

  void put(const json& id, const std::vector<float>& vector, const json& meta) { points_[id] = {id, vector, meta}; }
  bool erase(const json& id) { return points_.erase(id) == 1; }
  [[nodiscard]] PlainPoint* find(const json& id) {
    const auto found = points_.find(id);
    return found == points_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const PlainPoint* find(const json& id) const {
    const auto found = points_.find(id);
    return found == points_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] PlainMatches matches(const json& filter) const {
    PlainMatches matches;
    for (const auto& [id, point] : points_) {
      if (oracle_matches(filter, id, point.meta)) matches.push_back(&point);
    }
    return matches;
  }

  [[nodiscard]] double distance(const std::vector<double>& query, const PlainPoint& point) const {
    double dot = 0;
    double squared = 0;
    for (std::size_t i = 0; i < dim_; ++i) {
      dot += query[i] * double{point.vector[i]};
      squared += (query[i] - double{point.vector[i]}) * (query[i] - double{point.vector[i]});
    }
    if (metric_ == "l2") return squared;
    return metric_ == "dot" ? -dot : -dot / length(query) / length({point.vector.begin(), point.vector.end()});
  }
  [[nodiscard]] double as_distance(double score) const { return metric_ == "l2" ? score : -score; }

  // All of them, nearest first.
  [[nodiscard]] std::vector<PlainHit> nearest(const std::vector<double>& query, const PlainMatches& among) const {
    std::vector<PlainHit> hits;
    for (const PlainPoint* point : among) {
      hits.push_back({distance(query, *point), point});
    }
    std::sort(hits.begin(), hits.end());
    return hits;
  }

  // What a recommendation searches for.
  [[nodiscard]] std::vector<double> target(const std::vector<std::vector<double>>& positive,
                                           const std::vector<std::vector<double>>& negative) const {
    std::vector<double> target = mean(positive);
    const std::vector<double> away = negative.empty() ? target : mean(negative);
    for (std::size_t i = 0; i < dim_; ++i) {
      target[i] += target[i] - away[i];
    }
    return target;
  }

 private:
  struct IdLess {
    bool operator()(const json& a, const json& b) const { return oracle_id_less(a, b); }
  };

  static double length(const std::vector<double>& vector) {
    double squares = 0;
    for (const double value : vector) {
      squares += value * value;
    }
    return std::sqrt(squares);
  }
  [[nodiscard]] std::vector<double> mean(const std::vector<std::vector<double>>& vectors) const {
    std::vector<double> mean(dim_);
    for (const std::vector<double>& vector : vectors) {
      const double share = 1 / (metric_ == "cosine" ? length(vector) : 1) / static_cast<double>(vectors.size());
      for (std::size_t i = 0; i < dim_; ++i) {
        mean[i] += vector[i] * share;
      }
    }
    return mean;
  }

  std::size_t dim_ = 0;
  std::string metric_;
  std::map<json, PlainPoint, IdLess> points_;
};

// Ids of the hits of the first k groups, at most `limit` of each: points with one value of a field, or a point without.
inline std::vector<json> oracle_groups(const std::vector<PlainHit>& nearest, const std::string& field, std::size_t k,
                                       std::size_t limit) {
  std::vector<std::pair<const json*, std::size_t>> groups;  // Value, hits of it.
  std::vector<json> ids;
  for (const PlainHit& hit : nearest) {
    const json* const value = oracle_value(hit.point->meta, field);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& one) {
      return value != nullptr && one.first != nullptr && oracle_equal(*one.first, *value);
    });
    if (group == groups.end()) {
      if (groups.size() == k) continue;
      group = groups.insert(groups.end(), {value, 0});
    }
    if (group->second++ < limit) ids.push_back(hit.point->id);
  }
  return ids;
}

}  // namespace vibrato::test

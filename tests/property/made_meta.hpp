// Random meta, and random filters over it: every form of the grammar, over values of all kinds, few enough of each that
// filters match.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace vibrato::test {

using nlohmann::json;

class MadeMeta {
 public:
  // Points have keys "k0", "k1", ... of so many; 0: none.
  MadeMeta(Random& random, std::uint32_t many_keys) : random_(random), many_keys_(many_keys) {}

  // Null for a point without meta.
  json meta() {
    if (random_.chance(0.05)) return nullptr;
    json meta = json::object();
    const auto maybe = [&](const char* key, double probability, auto make) {
      if (random_.chance(probability)) meta[key] = (this->*make)();
    };
    maybe("n", 0.8, &MadeMeta::number);
    maybe("s", 0.7, &MadeMeta::text);
    maybe("b", 0.5, &MadeMeta::flag);
    maybe("t", 0.6, &MadeMeta::time);
    maybe("list", 0.6, &MadeMeta::list);
    maybe("mixed", 0.6, &MadeMeta::anything);
    maybe("a.b", 0.1, &MadeMeta::number);
    maybe("", 0.05, &MadeMeta::number);
    if (random_.chance(0.5)) {
      meta["a"] = random_.chance(0.8) ? json{{"b", anything()}, {"c", {{"d", number()}}}} : anything();
    }
    if (random_.chance(0.3)) meta["unique"] = fmt::format("value {}", random_.below(1'000'000));
    if (many_keys_ > 0 && random_.chance(0.5)) meta[many_key()] = number();
    return meta;
  }

  json scalar() {
    switch (random_.below(4)) {
      case 0:
        return number();
      case 1:
        return text();
      case 2:
        return time();
      default:
        return flag();
    }
  }

  json number() {
    constexpr std::uint64_t kTwoTo53 = std::uint64_t{1} << 53;
    const std::uint64_t kind = random_.below(20);
    if (kind == 0) return kTwoTo53 + random_.below(4);
    if (kind == 1) return -static_cast<std::int64_t>(kTwoTo53 + random_.below(4));
    if (kind == 2) return static_cast<double>(kTwoTo53);
    if (kind == 3) return 18446744073709551615U - random_.below(2);
    if (kind == 4) return std::vector<double>{-0.0, 1e300, 18446744073709551616.0, 5e-324}[random_.below(4)];
    if (kind < 9) return static_cast<double>(random_.below(12));  // 3.0
    if (kind < 12) return static_cast<double>(random_.below(24)) / 2 - 2;
    return random_.below(12);
  }
  json text() {
    const std::uint64_t kind = random_.below(12);
    if (kind == 0) return "";
    if (kind == 1) return std::string(255 + random_.below(4), 'x') + std::to_string(random_.below(2));
    if (kind == 2)
      return std::vector<std::string>{"\u00e4", "\u00e4rger", "\U0001F3B5", "a.b", "3", "null"}[random_.below(6)];
    return std::string(1 + random_.below(2), static_cast<char>('a' + random_.below(4)));
  }
  json time() {
    static const std::vector<std::string> kTimes = {"2026-11-21T07:30:00Z",           "2026-11-21T08:30:00+01:00",
                                                    "2026-11-21t07:30:00.5z",         "2026-11-21 07:30:00.500000000Z",
                                                    "1969-12-31T23:59:59Z",           "2016-12-31T23:59:60Z",
                                                    "2017-01-01T00:00:00Z",           "0000-01-01T00:00:00Z",
                                                    "9999-12-31T23:59:59.999999999Z", "2024-02-29T12:00:00-23:59"};
    return kTimes[random_.below(kTimes.size())];
  }

  json filter(int depth = 3) {
    if (depth > 0 && random_.chance(0.45)) {
      json group = json::object();
      for (const char* name : {"must", "should", "must_not"}) {
        if (random_.chance(0.5)) group[name] = random_.chance(0.2) ? filter(depth - 1) : filters(depth - 1);
      }
      return group;
    }
    return condition();
  }

  std::string key() {
    static const std::vector<std::string> kKeys = {"n", "n",   "s",     "b", "t", "list",   "mixed",
                                                   "a", "a.b", "a.c.d", "",  "x", "unique", "a.c"};
    if (many_keys_ > 0 && random_.chance(0.15)) return many_key();
    const std::string chosen = kKeys[random_.below(kKeys.size())];
    return chosen.empty() ? "n" : chosen;
  }

  // Another filter that says the same.
  json reworded(const json& filter) {
    switch (random_.below(6)) {
      case 0:
        return {{"must", json::array({inner_reworded(filter)})}};
      case 1:
        return {{"should", json::array({filter, inner_reworded(filter)})}};
      case 2:
        return {{"must_not", {{"must_not", json::array({inner_reworded(filter)})}}}};
      case 3:
        return {{"must", json::array({filter, json::object()})}};
      case 4:
        return {{"must", filter}, {"must_not", {{"must", filter}, {"must_not", filter}}}};
      default:
        return inner_reworded(filter);
    }
  }

 private:
  json flag() { return random_.chance(0.5); }
  json list() {
    json items = json::array();
    for (std::uint64_t i = random_.below(5); i > 0; --i) {
      items.push_back(random_.chance(0.85) ? scalar() : random_.chance(0.5) ? json() : json::array({number()}));
    }
    return items;
  }
  json anything() {
    switch (random_.below(6)) {
      case 0:
        return nullptr;
      case 1:
        return list();
      case 2:
        return {{"d", scalar()}};
      case 3:
        return "2026-13-01T00:00:00Z";  // No time.
      default:
        return scalar();
    }
  }
  std::string many_key() { return fmt::format("k{}", random_.below(many_keys_)); }

  json filters(int depth) {
    json list = json::array();
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      list.push_back(filter(depth));
    }
    return list;
  }
  json scalars() {
    json list = json::array();
    for (std::uint64_t i = random_.below(5); i > 0; --i) {
      list.push_back(scalar());
    }
    return list;
  }
  json id() {
    const std::uint64_t number = random_.below(3000);
    return random_.chance(0.5) ? json(number) : json(fmt::format("id {}", number));
  }
  json range() {
    const bool is_time = random_.chance(0.3);
    json bounds = json::object();
    const std::uint64_t sides = 1 + random_.below(3);
    if ((sides & 1) != 0) bounds[random_.chance(0.5) ? "gt" : "gte"] = is_time ? time() : number();
    if ((sides & 2) != 0) bounds[random_.chance(0.5) ? "lt" : "lte"] = is_time ? time() : number();
    return bounds;
  }
  json condition() {
    switch (random_.below(9)) {
      case 0: {
        json ids = json::array();
        for (std::uint64_t i = random_.below(200); i > 0; --i) {
          ids.push_back(id());
        }
        return {{"has_id", ids}};
      }
      case 1:
        return {{random_.chance(0.5) ? "is_null" : "is_empty", key()}};
      case 2:
      case 3:
        return {{"key", key()}, {"range", range()}};
      case 4:
        return {{"key", key()}, {"match", {{"any", scalars()}}}};
      case 5:
        return {{"key", key()}, {"match", {{"except", scalars()}}}};
      case 6:
        return {{"key", key()}, {"match", {{"prefix", text()}}}};
      default:
        return {{"key", key()}, {"match", {{"value", scalar()}}}};
    }
  }

  json inner_reworded(const json& filter) {
    if (filter.contains("match") && filter["match"].contains("value")) {
      const json& value = filter["match"]["value"];
      return {{"key", filter["key"]}, {"match", {{"any", json::array({value, value})}}}};
    }
    if (filter.contains("match") && filter["match"].contains("any") && !filter["match"]["any"].empty()) {
      json should = json::array();
      for (const json& value : filter["match"]["any"]) {
        should.push_back({{"key", filter["key"]}, {"match", {{"value", value}}}});
      }
      return {{"should", should}};
    }
    json made = filter;
    for (const char* name : {"must", "should", "must_not"}) {
      if (made.contains(name) && made[name].is_array()) {
        std::reverse(made[name].begin(), made[name].end());
        for (json& one : made[name]) {
          one = random_.chance(0.5) ? reworded(one) : one;
        }
      }
    }
    return made;
  }

  Random& random_;
  std::uint32_t many_keys_;
};

}  // namespace vibrato::test

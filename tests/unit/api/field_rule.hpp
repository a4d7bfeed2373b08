// What a rule of a route is: its fields and query parameters, and values that each does not take. The kinds of such
// values are here; the rules are in the files that field_rules.hpp names.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/request.hpp"

namespace vibrato::api::field_rules {

using nlohmann::json;

// Raw JSON texts: some of them are no numbers that a document tree could hold.
using Texts = std::vector<std::string>;

inline Texts operator+(Texts a, const Texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline const Texts kHuge = {"1e999", "-1e999", "123456789012345678901234567890"};
inline const Texts kNoText = Texts{"1", "-1.5", "true", "[]", "{}", R"(["a"])"} + kHuge;
inline const Texts kNoSwitch = Texts{"0", "1", R"("true")", R"("")", "[]", "{}"} + kHuge;
inline const Texts kNoFloat = Texts{R"("1")", "true", "[]", "{}", "1e39", "-1e39"} + kHuge;
inline const Texts kNoObject = Texts{"1", R"("x")", "true", "[]", "[{}]"} + kHuge;
inline const Texts kNoId =
    Texts{"-1", "7.0", "1e3", "true", "false", "[]", "[1]", "{}", R"("")", R"("a\u0000")", R"("\n")"} +
    Texts{'"' + std::string(257, 'a') + '"', "18446744073709551616"} + kHuge;
inline const Texts kNoVector =
    Texts{R"("x")",     "1",        "true",    "{}",     "[]",       "[1]",   "[1,2,3]",  "[1,null]",
          R"(["1",2])", "[1,true]", "[[1,2]]", "[1,{}]", "[1,1e39]", "[0,0]", "[1e999,1]"} +
    kHuge;
// Of a sequence: a frame of zeros is silence.
inline const Texts kNoFrame = {R"("x")", "1",       "true",     "{}",       "[]",
                               "[1]",    "[1,2,3]", "[1,null]", "[1,1e39]", "[1e999,1]"};
inline const Texts kNoBase64 =
    kNoText + Texts{R"("***")", R"("AACAPw==")", R"("AACAPwAA")", R"("AACAfwAAgD8=")", R"("AAAAAAAAAAA=")", R"("")"};
inline const Texts kNoFilter = Texts{R"({"key":"a"})",
                                     R"({"kye":"a","match":{"value":1}})",
                                     R"({"must":[1]})",
                                     R"({"key":"a","match":{"value":null}})",
                                     R"({"key":"a","match":{"value":1,"any":[1]}})",
                                     R"({"key":"a","range":{}})",
                                     R"({"key":"a","range":{"gt":"x"}})",
                                     R"({"key":"",)"
                                     R"("match":{"value":1}})",
                                     R"({"has_id":[-1]})",
                                     R"({"is_null":1})"} +
                               kNoObject;
inline const Texts kNoPath = kNoText + Texts{R"("")", '"' + std::string(1025, 'a') + '"'};
inline const Texts kNoCollection =
    kNoText + Texts{R"("")", R"("../x")", R"(".x")", R"("a b")"} + Texts{'"' + std::string(65, 'a') + '"'};

inline Texts no_whole(std::uint64_t min, const std::string& past_max) {
  Texts texts = Texts{"-1", "1.5", "1.0", R"("1")", "true", "[]", "[1]", "{}", past_max} + kHuge;
  if (min > 0) {
    texts.push_back(std::to_string(min - 1));
  }
  return texts;
}
inline Texts no_word(const Texts& near) {
  return kNoText + Texts{R"("")", R"("x")"} + near;
}

struct FieldRule {
  std::string path;  // JSON pointer into the body.
  Texts bad;
  bool is_required = false;
  std::string name = {};        // In messages, if it is not the path.
  std::string instead_of = {};  // The field beside it that may not be there at the same time.
  bool may_be_null = false;     // Null is a value of it, and not its absence.
};

struct RouteRule {
  Method method = Method::kPost;
  std::string pattern;
  json body = nullptr;  // One that would be taken; null for none.
  std::vector<FieldRule> fields = {};
  std::vector<std::string> objects = {""};                     // Where unknown fields are refused: pointers.
  std::map<std::string, std::vector<std::string>> query = {};  // Parameters, and values that they do not take.
  bool body_may_be_missing = false;
  bool fails_items = false;  // A bad field fails its item; the call answers 200.
  bool body_is_any_json = false;
  std::map<std::string, std::vector<std::string>> headers = {};  // And values that they do not take.
};

inline const std::vector<std::string> kNoLsn = {"", "-1", "1.5", "x", "0x1", "+1", "%201", "18446744073709551616"};
inline const std::vector<std::string> kNoPage = {"", "0", "1001", "-1", "1.5", "x"};
inline const std::map<std::string, std::vector<std::string>> kDurability = {
    {"durability", {"", "no", "SYNCED", "synced%20", "1", "true"}}};

}  // namespace vibrato::api::field_rules

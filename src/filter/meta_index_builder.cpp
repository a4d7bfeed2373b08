#include "filter/meta_index_builder.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <simdjson.h>
#include <string>
#include <unordered_map>
#include <utility>

#include "filter/json_scalar.hpp"
#include "filter/order_key.hpp"
#include "format/meta_index_writer.hpp"

namespace vibrato::filter {
namespace {

using format::MetaField;
using format::MetaSetKind;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Rows = std::vector<std::uint32_t>;

// Objects with more fields are searched for equal keys by hash.
constexpr std::size_t kWideObject = 16;

void add_row(Rows& rows, std::uint32_t row) {
  if (rows.empty() || rows.back() != row) {
    rows.push_back(row);
  }
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// A field while rows are added to it.
struct Field {
  MetaField made;  // Without strings.
  std::unordered_map<std::string, Rows, TextHash, std::equal_to<>> strings;
};

}  // namespace

class MetaIndexBuilder::Impl {
 public:
  explicit Impl(const MetaIndexCaps& caps) : caps_(caps) {}

  Status add(std::string_view meta_json) {
    const std::uint32_t row = row_count_++;
    object root;
    if (meta_json.empty()) {
      return ok_status();
    }
    element json;
    if (parser_.parse(meta_json.data(), meta_json.size()).get(json) != simdjson::SUCCESS) {
      return corruption("the stored meta of a point is no JSON");
    }
    if (json.get(root) == simdjson::SUCCESS) {
      key_.clear();
      add_fields(root, row, true);
    }
    return ok_status();
  }

  [[nodiscard]] bool has_left_out() const { return !overflow_.empty() || has_left_out_strings_; }

  std::vector<std::byte> finish() {
    std::vector<MetaField> fields;
    for (auto& [key, field] : fields_) {
      field.made.key = key;
      field.made.strings.reserve(field.strings.size());
      while (!field.strings.empty()) {  // Nothing is there twice meanwhile: there may be millions.
        auto node = field.strings.extract(field.strings.begin());
        field.made.strings.emplace_back(std::move(node.key()), std::move(node.mapped()));
      }
      std::sort(field.made.strings.begin(), field.made.strings.end());
      std::sort(field.made.numbers.begin(), field.made.numbers.end());
      std::sort(field.made.times.begin(), field.made.times.end());
      fields.push_back(std::move(field.made));
    }
    fields_.clear();
    return format::encode_meta_index(row_count_, fields, overflow_);
  }

 private:
  // Of a key that comes twice the last value counts.
  void add_fields(const object& json, std::uint32_t row, bool is_root) {
    const std::size_t prefix = key_.size();
    std::unordered_map<std::string_view, element> last;
    const bool is_wide = json.size() > kWideObject;
    if (is_wide) {
      for (const auto& [name, value] : json) {
        last.insert_or_assign(name, value);
      }
    }
    const auto add = [&](std::string_view name, const element& value) {
      if (name.find('.') == std::string_view::npos) {  // No path ever means a key that contains a dot.
        key_.append(is_root ? "" : ".").append(name);
        add_value(value, row);
        key_.resize(prefix);
      }
    };
    if (is_wide) {
      for (const auto& [name, value] : last) {
        add(name, value);
      }
      return;
    }
    for (auto field = json.begin(); field != json.end(); ++field) {
      if (!comes_again(json, field, field.key())) {
        add(field.key(), field.value());
      }
    }
  }

  static bool comes_again(const object& json, object::iterator field, std::string_view name) {
    for (++field; field != json.end(); ++field) {
      if (field.key() == name) {
        return true;
      }
    }
    return false;
  }

  Field* field_of_key() {
    const auto known = fields_.find(key_);
    if (known != fields_.end()) {
      return &known->second;
    }
    return fields_.size() < caps_.fields && key_.size() <= limits::kFilterKeyBytesMax ? &fields_[key_] : nullptr;
  }

  void add_value(const element& json, std::uint32_t row) {
    if (Field* const field = field_of_key(); field != nullptr) {
      add_row(field->made.set(MetaSetKind::kPresent), row);
      array elements;
      if (json.is_null()) {
        add_row(field->made.set(MetaSetKind::kNull), row);
      } else if (json.get(elements) == simdjson::SUCCESS) {
        if (elements.size() == 0) {
          add_row(field->made.set(MetaSetKind::kEmptyArray), row);
        }
        for (const element item : elements) {
          add_scalar(*field, item, row);
        }
      } else {
        add_scalar(*field, json, row);
      }
    } else {
      add_row(overflow_, row);
    }
    object inner;
    if (json.get(inner) == simdjson::SUCCESS) {
      add_fields(inner, row, false);
    }
  }

  void add_scalar(Field& field, const element& json, std::uint32_t row) {
    std::string_view text;
    bool flag = false;
    if (json.get(text) == simdjson::SUCCESS) {
      add_string(field, text, row);
    } else if (json.get(flag) == simdjson::SUCCESS) {
      add_row(field.made.set(flag ? MetaSetKind::kTrue : MetaSetKind::kFalse), row);
    } else if (const auto number = number_of(json)) {
      field.made.numbers.emplace_back(order_key(*number), row);
    }
  }

  void add_string(Field& field, std::string_view text, std::uint32_t row) {
    if (const auto time = parse_time(text)) {
      field.made.times.emplace_back(order_key(*time), row);
    }
    auto known = field.strings.find(text);
    if (known == field.strings.end()) {
      if (text.size() > limits::kMetaIndexedStringMax || field.strings.size() >= caps_.strings_a_field) {
        has_left_out_strings_ = has_left_out_strings_ || text.size() <= limits::kMetaIndexedStringMax;
        add_row(field.made.set(MetaSetKind::kUnindexed), row);
        return;
      }
      known = field.strings.emplace(std::string(text), Rows()).first;
    }
    add_row(known->second, row);
  }

  const MetaIndexCaps caps_;
  simdjson::dom::parser parser_;
  std::map<std::string, Field, std::less<>> fields_;
  Rows overflow_;
  std::string key_;
  std::uint32_t row_count_ = 0;
  bool has_left_out_strings_ = false;
};

MetaIndexBuilder::MetaIndexBuilder(const MetaIndexCaps& caps) : caps_(caps), impl_(std::make_unique<Impl>(caps)) {}

MetaIndexBuilder::~MetaIndexBuilder() = default;

Status MetaIndexBuilder::add(std::string_view meta_json) {
  return impl_->add(meta_json);
}

bool MetaIndexBuilder::has_left_out() const {
  return impl_->has_left_out();
}

std::vector<std::byte> MetaIndexBuilder::finish() {
  std::vector<std::byte> bytes = impl_->finish();
  impl_ = std::make_unique<Impl>(caps_);
  return bytes;
}

}  // namespace vibrato::filter

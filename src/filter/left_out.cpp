#include "filter/left_out.hpp"

#include <string_view>

namespace vibrato::filter {

Status add_left_out(const format::MetaIndexView& index, const MetaIndexCaps& caps, LeftOut& left_out) {
  left_out.rows_with_keys += index.overflow().count;
  for (std::uint32_t i = 0; i < index.field_count(); ++i) {
    VIBRATO_ASSIGN_OR_RETURN(const format::MetaFieldEntry field, index.field(i));
    const format::MetaSetRef& unindexed = field.sets[static_cast<std::size_t>(format::MetaSetKind::kUnindexed)];
    if (field.string_count >= caps.strings_a_field && unindexed.count > 0) {
      VIBRATO_ASSIGN_OR_RETURN(const std::string_view key, index.key_of(field));
      left_out.rows_with_text[std::string(key)] += unindexed.count;
    }
  }
  return ok_status();
}

}  // namespace vibrato::filter

// Makes the meta index of a segment, or of a block of hot rows, from the meta of its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/limits.hpp"

namespace vibrato::filter {

struct MetaIndexCaps {
  std::uint32_t fields = limits::kMetaFieldsMax;
  std::uint32_t strings_a_field = limits::kMetaStringsMax;
};

// Thread-safety: one thread at a time.
class MetaIndexBuilder {
 public:
  explicit MetaIndexBuilder(const MetaIndexCaps& caps = {});
  ~MetaIndexBuilder();
  MetaIndexBuilder(const MetaIndexBuilder&) = delete;
  MetaIndexBuilder& operator=(const MetaIndexBuilder&) = delete;

  // The meta of the next row, numbered from 0; empty for none. Every value under every key is indexed but strings
  // longer than limits::kMetaIndexedStringMax and what is past the caps, which the index says. Errors: kCorruption for
  // what is no JSON; the row counts as one without meta then.
  [[nodiscard]] Status add(std::string_view meta_json);

  // What was left out by the caps, for notes: true if a key, or a string, was.
  [[nodiscard]] bool has_left_out() const;

  // The bytes (format/meta_index.hpp). The builder is empty afterwards.
  [[nodiscard]] std::vector<std::byte> finish();

 private:
  class Impl;
  MetaIndexCaps caps_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::filter

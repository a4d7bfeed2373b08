// Writes JSON text straight into a string, without a document in between. The caller gives the structure (which key
// follows which); commas, escapes and number forms are the writer's. What it writes is always valid UTF-8 JSON.
// Not thread-safe; one writer a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vibrato {

class JsonWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  // Of the text so far, with what was there before.
  [[nodiscard]] std::size_t size() const { return out_.size(); }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // The next value's key. Requires: `name` needs no escapes (keys of users go through escaped_key).
  void key(std::string_view name);
  void escaped_key(std::string_view name);

  // Bytes that are no UTF-8 are replaced by U+FFFD.
  void string(std::string_view text);
  void number(std::uint64_t value);
  // Shortest decimal text that reads back as the same number. JSON has no infinities: they become the largest finite
  // number of their sign; NaN becomes null.
  void number(float value);
  void number(double value);
  void boolean(bool value);
  void null();
  // Text that is JSON already. Requires: it is.
  void raw(std::string_view json);

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace vibrato

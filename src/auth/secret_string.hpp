// A text that is overwritten in memory when it goes: a token that was just made, a pepper. Only auth makes them; who
// shows one to its user does so by view(), and keeps no copy.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "auth/crypto.hpp"

namespace vibrato::auth {

// Thread-safety: a value type. Not copyable, so that each secret has one place.
class SecretString {
 public:
  SecretString() = default;
  // `text` is overwritten.
  explicit SecretString(std::string&& text) { take(text); }
  SecretString(SecretString&& other) noexcept { take(other.text_); }
  SecretString& operator=(SecretString&& other) noexcept {
    if (this != &other) {
      wipe_text(text_);
      take(other.text_);
    }
    return *this;
  }
  ~SecretString() { wipe_text(text_); }

  [[nodiscard]] std::string_view view() const { return text_; }

 private:
  // A moved-from short string keeps its characters inside itself.
  void take(std::string& from) noexcept {
    text_.swap(from);
    wipe_text(from);
  }
  static void wipe_text(std::string& text) noexcept {
    text.resize(text.capacity());
    wipe(std::as_writable_bytes(std::span(text.data(), text.size())));
    text.clear();
  }

  std::string text_;
};

}  // namespace vibrato::auth

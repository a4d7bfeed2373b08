// The bytes that came from a connection and are not used up yet, in one piece. Grows only as far as it is asked to,
// and always has api::kBodyPadding readable bytes behind its data, so that a body is parsed where it lies.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vibrato/check.hpp>

#include "api/request.hpp"
#include "base/limits.hpp"

namespace vibrato::server {

class ReadBuffer {
 public:
  // What a connection always has. Bodies of thousands of dimensions fit; smaller ones cost a quarter of the
  // throughput on them.
  static constexpr std::size_t kBaseCapacity = 64 * limits::kKiB;

  ReadBuffer() : bytes_(allocate(kBaseCapacity)) {}

  [[nodiscard]] std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool full() const { return begin_ == 0 && end_ == capacity_; }

  // Where the next bytes go. May move data(). Empty only if full().
  [[nodiscard]] std::span<char> space() {
    if (end_ == capacity_ && begin_ != 0) {
      move_to(bytes_.get());
    }
    return {bytes_.get() + end_, capacity_ - end_};
  }

  // `count` bytes of space() were filled.
  void commit(std::size_t count) {
    VIBRATO_CHECK(count <= capacity_ - end_);
    end_ += count;
  }

  // The first `count` bytes of data() are used up. Views into the rest stay valid until space() or set_capacity().
  void consume(std::size_t count) {
    VIBRATO_CHECK(count <= end_ - begin_);
    begin_ += count;
    if (begin_ == end_) {
      begin_ = end_ = 0;
    }
  }

  // Makes room for `capacity` bytes in all, data() at the front. Requires: data() fits.
  void set_capacity(std::size_t capacity) {
    VIBRATO_CHECK(data().size() <= capacity);
    if (capacity == capacity_) {
      move_to(bytes_.get());
      return;
    }
    auto bytes = allocate(capacity);
    move_to(bytes.get());
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

 private:
  static std::unique_ptr<char[]> allocate(std::size_t capacity) {
    return std::make_unique_for_overwrite<char[]>(capacity + api::kBodyPadding);
  }

  void move_to(char* target) {
    const std::size_t count = end_ - begin_;
    std::memmove(target, bytes_.get() + begin_, count);
    begin_ = 0;
    end_ = count;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = kBaseCapacity;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace vibrato::server

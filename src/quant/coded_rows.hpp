// A growing array of coded rows in memory: what a hot segment and a build walk on.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vibrato/check.hpp>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "quant/scalar_quantizer.hpp"

namespace vibrato::quant {

// Thread-safety: different rows may be encoded at the same time; a row is read only after it was encoded.
class CodedRows {
 public:
  // Borrows the quantizer. Errors: kUnavailable (no memory).
  [[nodiscard]] static Result<CodedRows> create(const ScalarQuantizer& quantizer, std::uint32_t capacity) {
    const std::size_t bytes = std::size_t{capacity} * quantizer.layout().stride_bytes;
    VIBRATO_ASSIGN_OR_RETURN(LargeBuffer buffer, LargeBuffer::reserve(bytes));
    return CodedRows(quantizer, std::move(buffer));
  }

  // x: shape [dim], as the user gave it.
  void encode(const simd::Kernels& kernels, std::uint32_t row, const float* x, std::vector<float>& scratch) {
    quantizer_->encode(kernels, x, buffer_.data() + std::size_t{row} * quantizer_->layout().stride_bytes, scratch);
  }

  // Takes rows over that the same quantizer encoded before: `rows` is whole rows, the first of them number `first`.
  void copy_in(std::uint32_t first, std::span<const std::byte> rows) {
    const std::size_t begin = std::size_t{first} * quantizer_->layout().stride_bytes;
    VIBRATO_CHECK(begin <= buffer_.bytes() && rows.size() <= buffer_.bytes() - begin);
    if (!rows.empty()) {
      std::memcpy(buffer_.data() + begin, rows.data(), rows.size());
    }
  }

  [[nodiscard]] simd::CodeRows view() const {
    return {buffer_.data(), quantizer_->layout().stride_bytes, quantizer_->layout().code_bytes};
  }
  // All bytes of the first `rows` rows.
  [[nodiscard]] std::span<const std::byte> bytes(std::uint32_t rows) const {
    return {buffer_.data(), std::size_t{rows} * quantizer_->layout().stride_bytes};
  }
  [[nodiscard]] const ScalarQuantizer& quantizer() const { return *quantizer_; }

 private:
  CodedRows(const ScalarQuantizer& quantizer, LargeBuffer buffer)
      : quantizer_(&quantizer), buffer_(std::move(buffer)) {}

  const ScalarQuantizer* quantizer_;
  LargeBuffer buffer_;
};

}  // namespace vibrato::quant

// Rows of product codes in memory, on their way into a file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "quant/product_quantizer.hpp"

namespace vibrato::quant {

// Thread-safety: different rows may be encoded at the same time.
class ProductRows {
 public:
  // Borrows the quantizer. Errors: kUnavailable (no memory).
  [[nodiscard]] static Result<ProductRows> create(const ProductQuantizer& quantizer, std::uint32_t rows) {
    VIBRATO_ASSIGN_OR_RETURN(LargeBuffer buffer,
                             LargeBuffer::reserve(std::size_t{rows} * quantizer.layout().code_bytes));
    return ProductRows(quantizer, rows, std::move(buffer));
  }

  // x: shape [dim], as the user gave it.
  void encode(const simd::Kernels& kernels, std::uint32_t row, const float* x, std::vector<float>& scratch) {
    quantizer_->encode(kernels, x, buffer_.data() + std::size_t{row} * quantizer_->layout().code_bytes, scratch);
  }

  // Takes a code of the same quantizer over.
  void put(std::uint32_t row, const std::byte* code) {
    const std::uint32_t bytes = quantizer_->layout().code_bytes;
    std::copy_n(code, bytes, buffer_.data() + std::size_t{row} * bytes);
  }

  [[nodiscard]] simd::CodeRows view() const {
    return {buffer_.data(), quantizer_->layout().code_bytes, quantizer_->layout().code_bytes};
  }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {buffer_.data(), std::size_t{rows_} * quantizer_->layout().code_bytes};
  }

 private:
  ProductRows(const ProductQuantizer& quantizer, std::uint32_t rows, LargeBuffer buffer)
      : quantizer_(&quantizer), rows_(rows), buffer_(std::move(buffer)) {}

  const ProductQuantizer* quantizer_;
  std::uint32_t rows_;
  LargeBuffer buffer_;
};

}  // namespace vibrato::quant

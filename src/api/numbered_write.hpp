// A write that is one operation of a request: its error says which one, "operations[3]: ...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vibrato/status.hpp>

#include "commit/write.hpp"

namespace vibrato::api {

class NumberedWrite final : public commit::Write {
 public:
  NumberedWrite(std::unique_ptr<commit::Write> inner, std::size_t index) : inner_(std::move(inner)), index_(index) {}
  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const Status judged = inner_->validate(effects);
    return judged.ok() ? judged : judged.with_context(fmt::format("operations[{}]", index_));
  }
  [[nodiscard]] std::uint64_t bytes() const override { return inner_->bytes(); }

 private:
  const std::unique_ptr<commit::Write> inner_;
  const std::size_t index_;
};

}  // namespace vibrato::api

// One operation of a request that has several of them: its errors say which one it is. For the .cpp files of this
// folder.
#pragma once

#include <cstddef>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

#include "commit/write.hpp"

namespace vibrato::api {

// "operations[3]".
[[nodiscard]] inline std::string operation_name(std::size_t index) {
  return fmt::format("operations[{}]", index);
}

// As `inner`; what it is refused with begins with the name of the operation.
class OperationWrite final : public commit::Write {
 public:
  OperationWrite(std::unique_ptr<commit::Write> inner, std::size_t index) : inner_(std::move(inner)), index_(index) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const Status judged = inner_->validate(effects);
    return judged.ok() ? judged : judged.with_context(operation_name(index_));
  }
  [[nodiscard]] std::uint64_t bytes() const override { return inner_->bytes() + sizeof(*this); }

 private:
  const std::unique_ptr<commit::Write> inner_;
  const std::size_t index_;
};

}  // namespace vibrato::api

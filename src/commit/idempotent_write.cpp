#include "commit/idempotent_write.hpp"

#include <fmt/format.h>
#include <utility>

#include "format/idempotency_record.hpp"

namespace vibrato::commit {
namespace {

bool is_done(const IdempotentAnswer& answer) {
  return answer.status != format::kUnfinishedStatus;
}

class IdempotentWrite final : public Write {
 public:
  IdempotentWrite(IdempotencyKeys& keys, std::unique_ptr<Write> inner, IdempotencyKey key, AnswerMaker make_answer,
                  std::shared_ptr<IdempotentOutcome> outcome)
      : keys_(keys),
        inner_(std::move(inner)),
        key_(std::move(key)),
        make_answer_(std::move(make_answer)),
        outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(auto earlier, keys_.find(key_, effects.time_ms()));
    if (earlier && is_done(*earlier)) {
      *outcome_ = {std::move(*earlier), true};
      return ok_status();
    }
    if (inner_ != nullptr) {
      VIBRATO_RETURN_IF_ERROR(inner_->validate(effects));
    }
    *outcome_ = {make_answer_(effects.last_lsn(), effects.time_ms()), false};
    const IdempotentAnswer& answer = outcome_->answer;
    if (answer.body.size() > limits::kIdempotencyAnswerBytesMax) {
      return {ErrorCode::kPayloadTooLarge,
              fmt::format("Idempotency-Key: the answer has {} bytes, at most {} can be kept; split the request",
                          answer.body.size(), limits::kIdempotencyAnswerBytesMax)};
    }
    effects.add(
        format::kIdempotencyRecord, CollectionNumber(),
        format::encode_idempotency_record({key_.scope, key_.key, key_.fingerprint, answer.status, answer.body}));
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    return (inner_ == nullptr ? 0 : inner_->bytes()) + key_.key.size() + sizeof(*this);
  }

 private:
  IdempotencyKeys& keys_;
  const std::unique_ptr<Write> inner_;
  const IdempotencyKey key_;
  const AnswerMaker make_answer_;
  const std::shared_ptr<IdempotentOutcome> outcome_;
};

class IdempotencyCheck final : public Write {
 public:
  IdempotencyCheck(const IdempotencyKeys& keys, IdempotencyKey key, std::shared_ptr<IdempotentOutcome> outcome)
      : keys_(keys), key_(std::move(key)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(auto earlier, keys_.find(key_, effects.time_ms()));
    if (earlier) {
      const bool repeated = is_done(*earlier);
      *outcome_ = {std::move(*earlier), repeated};
    }
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override { return key_.key.size() + sizeof(*this); }

 private:
  const IdempotencyKeys& keys_;
  const IdempotencyKey key_;
  const std::shared_ptr<IdempotentOutcome> outcome_;
};

}  // namespace

std::unique_ptr<Write> make_idempotent(IdempotencyKeys& keys, std::unique_ptr<Write> inner, IdempotencyKey key,
                                       AnswerMaker make_answer, std::shared_ptr<IdempotentOutcome> outcome) {
  VIBRATO_CHECK(!key.key.empty() && key.key.size() <= limits::kIdempotencyKeyBytesMax);
  VIBRATO_CHECK(key.scope.size() <= limits::kIdempotencyScopeBytesMax && key.scope.find('\n') == std::string::npos);
  return std::make_unique<IdempotentWrite>(keys, std::move(inner), std::move(key), std::move(make_answer),
                                           std::move(outcome));
}

std::unique_ptr<Write> make_idempotency_check(const IdempotencyKeys& keys, IdempotencyKey key,
                                              std::shared_ptr<IdempotentOutcome> outcome) {
  return std::make_unique<IdempotencyCheck>(keys, std::move(key), std::move(outcome));
}

}  // namespace vibrato::commit

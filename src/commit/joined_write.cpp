#include "commit/joined_write.hpp"

#include <utility>

namespace vibrato::commit {
namespace {

// What the parts did so far, staged as long as this lives.
class StagedParts {
 public:
  StagedParts(const ModelSet& models, Lsn first_lsn, std::int64_t time_ms)
      : models_(models), first_lsn_(first_lsn), next_lsn_(first_lsn), time_ms_(time_ms) {}
  ~StagedParts() { models_.unstage_from(first_lsn_); }
  StagedParts(const StagedParts&) = delete;
  StagedParts& operator=(const StagedParts&) = delete;

  [[nodiscard]] Lsn next_lsn() const { return next_lsn_; }

  void stage(std::vector<Effect> effects) {
    for (Effect& effect : effects) {
      Model* const model = models_.owner_of(effect.type);
      VIBRATO_CHECK(model != nullptr);
      // The bytes of a body stay where they are when its effect moves.
      const Effect& kept = effects_.emplace_back(std::move(effect));
      model->stage({next_lsn_, time_ms_, kept.collection, kept.type, false, kept.body});
      next_lsn_ = next_lsn_.next();
    }
  }

  // The bodies stay valid as long as `effects` keeps them: beyond the life of this.
  void move_to(EffectList& effects) {
    effects.reserve(effects_.size());
    for (Effect& effect : effects_) {
      effects.add(effect.type, effect.collection, std::move(effect.body));
    }
  }

 private:
  const ModelSet& models_;
  const Lsn first_lsn_;
  Lsn next_lsn_;
  const std::int64_t time_ms_;
  std::vector<Effect> effects_;
};

class JoinedWrite final : public Write {
 public:
  JoinedWrite(const ModelSet& models, std::vector<std::unique_ptr<Write>> parts, JoinMode mode,
              std::shared_ptr<JoinedOutcome> outcome)
      : models_(models), parts_(std::move(parts)), mode_(mode), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(EffectList& effects) override {
    *outcome_ = {};
    outcome_->parts.reserve(parts_.size());
    StagedParts staged(models_, effects.next_lsn(), effects.time_ms());
    for (const std::unique_ptr<Write>& part : parts_) {
      EffectList own(staged.next_lsn(), effects.time_ms());
      const Status& judged = outcome_->parts.emplace_back(part->validate(own));
      if (judged.ok()) {
        staged.stage(std::move(own).take());
        continue;
      }
      if (!outcome_->first_failed.has_value()) {
        outcome_->first_failed = outcome_->parts.size() - 1;
      }
      if (mode_ == JoinMode::kAllOrNothing) {
        return judged;
      }
    }
    staged.move_to(effects);
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    std::uint64_t bytes = sizeof(*this);
    for (const std::unique_ptr<Write>& part : parts_) {
      bytes += part->bytes();
    }
    return bytes;
  }

 private:
  const ModelSet& models_;
  const std::vector<std::unique_ptr<Write>> parts_;
  const JoinMode mode_;
  const std::shared_ptr<JoinedOutcome> outcome_;
};

}  // namespace

std::unique_ptr<Write> make_joined(const ModelSet& models, std::vector<std::unique_ptr<Write>> parts, JoinMode mode,
                                   std::shared_ptr<JoinedOutcome> outcome) {
  return std::make_unique<JoinedWrite>(models, std::move(parts), mode, std::move(outcome));
}

}  // namespace vibrato::commit

#include "commit/model_set.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vibrato::commit {

ModelSet::ModelSet(std::span<Model* const> models) : models_(models.begin(), models.end()) {
  for (Model* const model : models_) {
    for (const std::uint16_t type : model->record_types()) {
      by_type_.resize(std::max<std::size_t>(by_type_.size(), std::size_t{type} + 1), nullptr);
      VIBRATO_CHECK(by_type_[type] == nullptr);
      by_type_[type] = model;
    }
  }
}

Model* ModelSet::owner_of(std::uint16_t type) const {
  return type < by_type_.size() ? by_type_[type] : nullptr;
}

void ModelSet::unstage_from(Lsn lsn) const {
  for (Model* const model : models_) {
    model->unstage_from(lsn);
  }
}

Lsn ModelSet::durable_lsn() const {
  Lsn lowest = Lsn::max();
  for (const Model* const model : models_) {
    lowest = std::min(lowest, model->durable_lsn());
  }
  return lowest;
}

Status ModelSet::load() const {
  for (Model* const model : models_) {
    if (Status loaded = model->load(); !loaded.ok()) {
      return loaded.with_context(model->name());
    }
  }
  return ok_status();
}

Result<Lsn> ModelSet::load_and_replay(wal::Log& log) const {
  VIBRATO_RETURN_IF_ERROR(load());
  const Lsn last = log.end().last_lsn;
  if (durable_lsn() >= last) {
    return last;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto cursor, log.read_from(durable_lsn().next()));
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const auto record, cursor->next());
    if (!record.has_value()) {
      return last;
    }
    VIBRATO_RETURN_IF_ERROR(replay_record(*record));
  }
}

Status ModelSet::replay_record(const wal::StoredRecord& record) const {
  Model* const model = owner_of(record.type);
  if (model == nullptr) {
    return corruption(fmt::format("record {} of the log: type: expected one that this build knows, found {}",
                                  record.lsn.value(), record.type));
  }
  if (record.lsn <= model->durable_lsn()) {
    return ok_status();
  }
  if (const Status applied = model->apply(record); !applied.ok()) {
    const ErrorCode code = applied.code() == ErrorCode::kUnavailable ? applied.code() : ErrorCode::kCorruption;
    return {code, fmt::format("record {} of the log: {}: {}", record.lsn.value(), model->name(), applied.message())};
  }
  return ok_status();
}

}  // namespace vibrato::commit

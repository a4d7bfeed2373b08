#include "vector/point_writes.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>
#include <utility>

#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "format/merge_patch.hpp"
#include "format/vector_records.hpp"
#include "vector/check_vector.hpp"

namespace vibrato::vector {
namespace {

using format::PutOrigin;
using format::VectorRecord;
using Body = std::vector<std::byte>;

constexpr std::uint64_t kWriteBytes = 256;  // Of a write itself, about.

std::uint16_t type_of(VectorRecord record) {
  return static_cast<std::uint16_t>(record);
}

Body put_body(PutOrigin origin, const PointIdView& id, std::span<const float> vector, std::string_view meta_json) {
  return format::encode_point_put({origin, id, std::as_bytes(vector), meta_json});
}

Status check_meta(std::string_view meta_json) {
  return meta_json.size() <= limits::kMetaBytesMax
             ? ok_status()
             : Status(ErrorCode::kPayloadTooLarge,
                      fmt::format("meta: has {} bytes, at most {} fit", meta_json.size(), limits::kMetaBytesMax));
}

Status check_vector_field(const CollectionSettings& settings, std::span<const float> vector) {
  return check_vector(vector, settings.dim, settings.metric).with_context("vector");
}

Status no_point(const Collection& collection) {
  return not_found(fmt::format("there is no point with this id in collection \"{}\"", collection.identity().name));
}

// A write to one collection.
class CollectionWrite : public commit::Write {
 protected:
  CollectionWrite(VectorModel& model, CollectionPtr collection) : model_(model), collection_(std::move(collection)) {}

  [[nodiscard]] Status check() const { return model_.check_takes_writes(*collection_); }
  [[nodiscard]] CollectionNumber number() const { return collection_->identity().number; }

  VectorModel& model_;
  const CollectionPtr collection_;
};

class Put final : public CollectionWrite {
 public:
  Put(VectorModel& model, CollectionPtr collection, Body body)
      : CollectionWrite(model, std::move(collection)), body_(std::move(body)) {}
  // Refused if `new_id`, that of the body, is there.
  Put(VectorModel& model, CollectionPtr collection, Body body, PointId new_id)
      : CollectionWrite(model, std::move(collection)), body_(std::move(body)), new_id_(std::move(new_id)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    if (new_id_) {
      VIBRATO_ASSIGN_OR_RETURN(const bool exists, model_.point_exists(*collection_, new_id_->view()));
      if (exists) {
        return {ErrorCode::kAlreadyExists, fmt::format("there is a point with this id in collection \"{}\" already",
                                                       collection_->identity().name)};
      }
    }
    effects.add(type_of(VectorRecord::kPointPut), number(), std::move(body_));
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + body_.size(); }

 private:
  Body body_;
  std::optional<PointId> new_id_;  // Must not be there.
};

class PutBatch final : public CollectionWrite {
 public:
  PutBatch(VectorModel& model, CollectionPtr collection, std::vector<Body> bodies)
      : CollectionWrite(model, std::move(collection)), bodies_(std::move(bodies)) {
    for (const Body& body : bodies_) {
      bytes_ += kWriteBytes + body.size();
    }
  }

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    effects.reserve(bodies_.size());
    for (Body& body : bodies_) {
      effects.add(type_of(VectorRecord::kPointPut), number(), std::move(body));
    }
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  std::vector<Body> bodies_;
  std::uint64_t bytes_ = kWriteBytes;
};

class Update final : public CollectionWrite {
 public:
  Update(VectorModel& model, CollectionPtr collection, UpdateInput input)
      : CollectionWrite(model, std::move(collection)), input_(std::move(input)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    VIBRATO_ASSIGN_OR_RETURN(auto now, point_now());
    if (!now) {
      return no_point(*collection_);
    }
    if (input_.vector) {
      now->vector = std::move(*input_.vector);
    }
    if (input_.meta_json && input_.meta_mode == MetaMode::kMerge) {
      Result<std::string> merged = format::merge_patch(now->meta_json, *input_.meta_json);
      if (!merged.ok()) {
        return merged.status().with_context("meta");
      }
      now->meta_json = *std::move(merged);
    } else if (input_.meta_json) {
      now->meta_json = std::move(*input_.meta_json);
    }
    VIBRATO_RETURN_IF_ERROR(check_meta(now->meta_json));
    if (now->vector.size() != collection_->settings().dim) {
      return {ErrorCode::kGone,
              "the archive of this collection keeps no vectors as they were written (keep_raw is false), so that meta "
              "alone cannot be changed: send the vector with it"};
    }
    effects.add(type_of(VectorRecord::kPointPut), number(),
                put_body(PutOrigin::kUpdated, input_.id.view(), now->vector, now->meta_json));
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override {
    return kWriteBytes + (input_.vector ? input_.vector->size() * sizeof(float) : 0) +
           (input_.meta_json ? input_.meta_json->size() : 0);
  }

 private:
  // What is replaced as a whole is not read.
  [[nodiscard]] Result<std::optional<VectorModel::PointNow>> point_now() const {
    if (!input_.vector || !input_.meta_json || input_.meta_mode == MetaMode::kMerge) {
      return model_.point_now(*collection_, input_.id.view());
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool exists, model_.point_exists(*collection_, input_.id.view()));
    return exists ? std::optional(VectorModel::PointNow()) : std::nullopt;
  }

  UpdateInput input_;
};

class Delete final : public CollectionWrite {
 public:
  Delete(VectorModel& model, CollectionPtr collection, PointId id)
      : CollectionWrite(model, std::move(collection)), id_(std::move(id)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    VIBRATO_ASSIGN_OR_RETURN(const bool exists, model_.point_exists(*collection_, id_.view()));
    if (!exists) {
      return no_point(*collection_);
    }
    effects.add(type_of(VectorRecord::kPointDeleted), number(), format::encode_point_deleted(id_.view()));
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes; }

 private:
  const PointId id_;
};

class DeleteBatch final : public CollectionWrite {
 public:
  DeleteBatch(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids,
              std::shared_ptr<BatchOutcome> outcome)
      : CollectionWrite(model, std::move(collection)), ids_(std::move(ids)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    std::unordered_set<PointIdView, PointIdHash, PointIdEqual> deleted;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      Status& item = outcome_->items[i];
      if (!item.ok()) {
        continue;
      }
      const PointIdView id = ids_[i].view();
      VIBRATO_ASSIGN_OR_RETURN(const bool exists, model_.point_exists(*collection_, id));
      if (!exists || !deleted.insert(id).second) {
        item = no_point(*collection_);
        continue;
      }
      effects.add(type_of(VectorRecord::kPointDeleted), number(), format::encode_point_deleted(id));
    }
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes * (1 + ids_.size()); }

 private:
  const std::vector<PointId> ids_;
  const std::shared_ptr<BatchOutcome> outcome_;
};

class DeleteUnchanged final : public CollectionWrite {
 public:
  DeleteUnchanged(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids, Lsn as_of,
                  std::shared_ptr<std::uint64_t> deleted)
      : CollectionWrite(model, std::move(collection)),
        ids_(std::move(ids)),
        as_of_(as_of),
        deleted_(std::move(deleted)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_RETURN_IF_ERROR(check());
    std::uint64_t deleted = 0;
    for (const PointId& id : ids_) {
      VIBRATO_ASSIGN_OR_RETURN(const bool is_unchanged, model_.point_is_unchanged(*collection_, id.view(), as_of_));
      if (is_unchanged) {
        effects.add(type_of(VectorRecord::kPointDeleted), number(), format::encode_point_deleted(id.view()));
        ++deleted;
      }
    }
    *deleted_ = deleted;
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes * (1 + ids_.size()); }

 private:
  const std::vector<PointId> ids_;
  const Lsn as_of_;
  const std::shared_ptr<std::uint64_t> deleted_;
};

class CreateCollection final : public commit::Write {
 public:
  CreateCollection(VectorModel& model, std::string name, const CollectionSettings& settings,
                   std::shared_ptr<CreateOutcome> outcome)
      : model_(model),
        name_(std::move(name)),
        settings_(settings),
        body_(format::encode_collection_created({name_, settings_json(settings)})),
        outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    if (const auto present = model_.find_for_write(name_); present.ok()) {
      *outcome_ = {false, (*present)->identity()};
      return (*present)->settings() == settings_
                 ? ok_status()
                 : Status(ErrorCode::kAlreadyExists,
                          fmt::format("there is a collection \"{}\" already, with other settings", name_));
    }
    const CollectionNumber number = model_.next_number();
    if (model_.count_for_write() >= limits::kCollectionsMax || number == CollectionNumber::max()) {
      return {ErrorCode::kConflict, "there are as many collections as fit; drop one first"};
    }
    *outcome_ = {true, {number, name_, settings_, effects.time_ms(), effects.next_lsn()}};
    effects.add(type_of(VectorRecord::kCollectionCreated), number, std::move(body_));
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + body_.size(); }

 private:
  VectorModel& model_;
  const std::string name_;
  const CollectionSettings settings_;
  Body body_;
  const std::shared_ptr<CreateOutcome> outcome_;
};

class DropCollection final : public commit::Write {
 public:
  DropCollection(VectorModel& model, std::string name) : model_(model), name_(std::move(name)) {}

  // Also of a collection that takes no other writes: dropping it is one way out.
  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, model_.find_for_write(name_));
    effects.add(type_of(VectorRecord::kCollectionDropped), collection->identity().number, {});
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes; }

 private:
  VectorModel& model_;
  const std::string name_;
};

}  // namespace

Status check_point_id(const PointIdView& id) {
  if (!id.is_text) {
    return ok_status();
  }
  if (id.text.empty()) {
    return invalid_argument("id: is empty");
  }
  if (id.text.size() > limits::kPointIdBytesMax) {
    return invalid_argument(fmt::format("id: has {} bytes, at most {} fit", id.text.size(), limits::kPointIdBytesMax));
  }
  if (!is_utf8(id.text)) {
    return invalid_argument("id: is no UTF-8");
  }
  return has_control_characters(id.text) ? invalid_argument("id: has a control character") : ok_status();
}

Status check_point(const CollectionSettings& settings, const PointInput& point) {
  VIBRATO_RETURN_IF_ERROR(check_point_id(point.id.view()));
  VIBRATO_RETURN_IF_ERROR(check_vector_field(settings, point.vector));
  return check_meta(point.meta_json);
}

WritePtr make_create_collection(VectorModel& model, std::string name, CollectionSettings settings,
                                std::shared_ptr<CreateOutcome> outcome) {
  return std::make_unique<CreateCollection>(model, std::move(name), settings, std::move(outcome));
}

WritePtr make_drop_collection(VectorModel& model, std::string name) {
  return std::make_unique<DropCollection>(model, std::move(name));
}

Result<WritePtr> make_add(VectorModel& model, CollectionPtr collection, PointInput point) {
  VIBRATO_RETURN_IF_ERROR(check_point(collection->settings(), point));
  Body body = put_body(PutOrigin::kAdded, point.id.view(), point.vector, point.meta_json);
  return WritePtr(std::make_unique<Put>(model, std::move(collection), std::move(body), std::move(point.id)));
}

Result<WritePtr> make_upsert(VectorModel& model, CollectionPtr collection, PointInput point) {
  VIBRATO_RETURN_IF_ERROR(check_point(collection->settings(), point));
  Body body = put_body(PutOrigin::kUpserted, point.id.view(), point.vector, point.meta_json);
  return WritePtr(std::make_unique<Put>(model, std::move(collection), std::move(body)));
}

WritePtr make_upsert_batch(VectorModel& model, CollectionPtr collection, std::vector<PointInput> points,
                           const std::shared_ptr<BatchOutcome>& outcome) {
  VIBRATO_CHECK(points.size() <= limits::kBatchItemsMax);
  outcome->items.assign(points.size(), ok_status());
  std::unordered_set<PointIdView, PointIdHash, PointIdEqual> seen;
  std::vector<Body> bodies;
  for (std::size_t i = points.size(); i-- > 0;) {
    const PointInput& point = points[i];
    outcome->items[i] = check_point(collection->settings(), point);
    if (outcome->items[i].ok() && seen.insert(point.id.view()).second) {
      bodies.push_back(put_body(PutOrigin::kUpserted, point.id.view(), point.vector, point.meta_json));
    }
  }
  std::reverse(bodies.begin(), bodies.end());
  return std::make_unique<PutBatch>(model, std::move(collection), std::move(bodies));
}

Result<WritePtr> make_update(VectorModel& model, CollectionPtr collection, UpdateInput update) {
  VIBRATO_RETURN_IF_ERROR(check_point_id(update.id.view()));
  if (update.vector) {
    VIBRATO_RETURN_IF_ERROR(check_vector_field(collection->settings(), *update.vector));
  }
  if (update.meta_json) {
    VIBRATO_RETURN_IF_ERROR(check_meta(*update.meta_json));
    VIBRATO_RETURN_IF_ERROR(format::check_json_text(*update.meta_json).with_context("meta"));
  }
  return WritePtr(std::make_unique<Update>(model, std::move(collection), std::move(update)));
}

Result<WritePtr> make_delete(VectorModel& model, CollectionPtr collection, PointId id) {
  VIBRATO_RETURN_IF_ERROR(check_point_id(id.view()));
  return WritePtr(std::make_unique<Delete>(model, std::move(collection), std::move(id)));
}

WritePtr make_delete_batch(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids,
                           std::shared_ptr<BatchOutcome> outcome) {
  VIBRATO_CHECK(ids.size() <= limits::kBatchItemsMax);
  outcome->items.clear();
  for (const PointId& id : ids) {
    outcome->items.push_back(check_point_id(id.view()));
  }
  return std::make_unique<DeleteBatch>(model, std::move(collection), std::move(ids), std::move(outcome));
}

WritePtr make_delete_unchanged(VectorModel& model, CollectionPtr collection, std::vector<PointId> ids, Lsn as_of,
                               std::shared_ptr<std::uint64_t> deleted) {
  return std::make_unique<DeleteUnchanged>(model, std::move(collection), std::move(ids), as_of, std::move(deleted));
}

}  // namespace vibrato::vector

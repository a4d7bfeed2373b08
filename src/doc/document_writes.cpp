#include "doc/document_writes.hpp"

#include <fmt/format.h>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "format/doc_records.hpp"
#include "format/merge_patch.hpp"
#include "io/safe_path.hpp"

namespace vibrato::doc {
namespace {

using Body = std::vector<std::byte>;
using format::DocRecord;
using overlay::RowPtr;

constexpr std::uint64_t kWriteBytes = 256;  // Of one, beside its texts.

void add(commit::EffectList& effects, DocRecord type, Body&& body) {
  effects.add(static_cast<std::uint16_t>(type), CollectionNumber(), std::move(body));
}

Status check_size(std::string_view json) {
  if (json.size() > limits::kStateValueBytesMax) {
    return {ErrorCode::kPayloadTooLarge, fmt::format("document: has {} bytes as JSON text, at most {} fit", json.size(),
                                                     limits::kStateValueBytesMax)};
  }
  return ok_status();
}

Status check_name(std::string_view collection, std::string_view id) {
  VIBRATO_RETURN_IF_ERROR(check_collection(collection));
  return check_document_id(id);
}

// `revision`: 0 if the document is absent.
Status check_revision(std::string_view collection, std::string_view id, Lsn revision,
                      std::optional<std::uint64_t> wanted) {
  if (!wanted.has_value() || *wanted == revision.value()) {
    return ok_status();
  }
  const std::string is = revision == Lsn() ? "does not exist" : fmt::format("has revision {}", revision.value());
  const std::string expected = *wanted == 0 ? "it must not exist" : fmt::format("expected revision {}", *wanted);
  return {ErrorCode::kRevisionMismatch, fmt::format("document {}/{} {}; {}", collection, id, is, expected)};
}

class Put final : public commit::Write {
 public:
  Put(DocumentModel& model, PutInput input, Body body, std::shared_ptr<PutOutcome> outcome)
      : model_(model), input_(std::move(input)), body_(std::move(body)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    if (input_.if_revision.has_value()) {  // Others need not know what was there.
      VIBRATO_ASSIGN_OR_RETURN(const Lsn revision, model_.newest_revision(input_.collection, input_.id));
      VIBRATO_RETURN_IF_ERROR(check_revision(input_.collection, input_.id, revision, input_.if_revision));
    }
    outcome_->revision = effects.next_lsn();
    add(effects, DocRecord::kPut, std::move(body_));
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + input_.id.size() + body_.size(); }

 private:
  DocumentModel& model_;
  PutInput input_;  // Without the document.
  Body body_;
  std::shared_ptr<PutOutcome> outcome_;
};

class Patch final : public commit::Write {
 public:
  Patch(DocumentModel& model, PatchInput input, std::shared_ptr<PatchOutcome> outcome)
      : model_(model), input_(std::move(input)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(const RowPtr row, model_.newest(input_.collection, input_.id));
    if (row == nullptr) {
      return not_found(
          fmt::format("document {}/{} does not exist; a patch changes one that does", input_.collection, input_.id));
    }
    VIBRATO_RETURN_IF_ERROR(check_revision(input_.collection, input_.id, row->lsn, input_.if_revision));
    VIBRATO_ASSIGN_OR_RETURN(outcome_->doc_json, format::merge_patch(row->value, input_.patch_json));
    VIBRATO_RETURN_IF_ERROR(check_size(outcome_->doc_json));
    outcome_->revision = effects.next_lsn();
    add(effects, DocRecord::kPut, format::encode_doc_put({input_.collection, input_.id, outcome_->doc_json}));
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    return kWriteBytes + input_.id.size() + input_.patch_json.size();
  }

 private:
  DocumentModel& model_;
  PatchInput input_;
  std::shared_ptr<PatchOutcome> outcome_;
};

class Delete final : public commit::Write {
 public:
  Delete(DocumentModel& model, DeleteInput input, std::shared_ptr<DeleteOutcome> outcome)
      : model_(model), input_(std::move(input)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    VIBRATO_ASSIGN_OR_RETURN(const Lsn revision, model_.newest_revision(input_.collection, input_.id));
    VIBRATO_RETURN_IF_ERROR(check_revision(input_.collection, input_.id, revision, input_.if_revision));
    outcome_->deleted = revision != Lsn();
    if (outcome_->deleted) {
      add(effects, DocRecord::kDeleted, format::encode_doc_deleted({input_.collection, input_.id}));
    }
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override { return kWriteBytes + input_.id.size(); }

 private:
  DocumentModel& model_;
  DeleteInput input_;
  std::shared_ptr<DeleteOutcome> outcome_;
};

class DeleteChosen final : public commit::Write {
 public:
  DeleteChosen(DocumentModel& model, std::string collection, std::vector<ChosenDocument> documents,
               std::shared_ptr<std::uint64_t> deleted)
      : model_(model),
        collection_(std::move(collection)),
        documents_(std::move(documents)),
        deleted_(std::move(deleted)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    *deleted_ = 0;
    for (const ChosenDocument& document : documents_) {
      VIBRATO_ASSIGN_OR_RETURN(const Lsn revision, model_.newest_revision(collection_, document.id));
      if (revision == document.revision) {
        add(effects, DocRecord::kDeleted, format::encode_doc_deleted({collection_, document.id}));
        ++*deleted_;
      }
    }
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    return kWriteBytes + documents_.size() * (sizeof(ChosenDocument) + limits::kDocumentIdBytesMax / 4);
  }

 private:
  DocumentModel& model_;
  std::string collection_;
  std::vector<ChosenDocument> documents_;
  std::shared_ptr<std::uint64_t> deleted_;
};

}  // namespace

Status check_collection(std::string_view collection, std::string_view field) {
  return io::check_name(collection).with_context(field);
}

Status check_document_id(std::string_view id, std::string_view field) {
  if (id.empty()) {
    return invalid_argument(fmt::format("{}: is empty", field));
  }
  if (id.size() > limits::kDocumentIdBytesMax) {
    return invalid_argument(
        fmt::format("{}: has {} bytes, at most {} fit", field, id.size(), limits::kDocumentIdBytesMax));
  }
  if (!is_utf8(id)) {
    return invalid_argument(fmt::format("{}: is no UTF-8", field));
  }
  return has_control_characters(id) ? invalid_argument(fmt::format("{}: has a control character", field)) : ok_status();
}

Result<WritePtr> make_put(DocumentModel& model, PutInput input, std::shared_ptr<PutOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_name(input.collection, input.id));
  VIBRATO_RETURN_IF_ERROR(check_size(input.doc_json));
  VIBRATO_CHECK(!input.doc_json.empty());
  Body body = format::encode_doc_put({input.collection, input.id, input.doc_json});
  input.doc_json = {};
  return WritePtr(std::make_unique<Put>(model, std::move(input), std::move(body), std::move(outcome)));
}

Result<WritePtr> make_patch(DocumentModel& model, PatchInput input, std::shared_ptr<PatchOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_name(input.collection, input.id));
  VIBRATO_RETURN_IF_ERROR(check_size(input.patch_json));
  VIBRATO_RETURN_IF_ERROR(format::check_json_text(input.patch_json).with_context("patch"));
  return WritePtr(std::make_unique<Patch>(model, std::move(input), std::move(outcome)));
}

Result<WritePtr> make_delete(DocumentModel& model, DeleteInput input, std::shared_ptr<DeleteOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_name(input.collection, input.id));
  return WritePtr(std::make_unique<Delete>(model, std::move(input), std::move(outcome)));
}

WritePtr make_delete_chosen(DocumentModel& model, std::string collection, std::vector<ChosenDocument> documents,
                            std::shared_ptr<std::uint64_t> deleted) {
  return std::make_unique<DeleteChosen>(model, std::move(collection), std::move(documents), std::move(deleted));
}

}  // namespace vibrato::doc

// The writes of the document model, for Sequencer::submit. Bodies are encoded by whoever makes the write, on many
// threads; the committer only checks and takes them (a patch is merged by the committer, as it needs its turn).
//
// Each maker checks all that does not depend on the state when its turn comes; validate() the rest. `if_revision`: the
// revision that the document must have, 0 if it must not exist; absent: whatever there is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/write.hpp"
#include "doc/document_model.hpp"

namespace vibrato::doc {

using WritePtr = std::unique_ptr<commit::Write>;

// kInvalidArgument unless io::is_safe_name() takes it. `field` begins the message, here and below.
[[nodiscard]] Status check_collection(std::string_view collection, std::string_view field = "collection");
// kInvalidArgument unless it is UTF-8 of 1 to limits::kDocumentIdBytesMax bytes, without control characters.
[[nodiscard]] Status check_document_id(std::string_view id, std::string_view field = "id");

struct PutInput {
  std::string collection;
  std::string id;
  std::string doc_json;  // Compact JSON text: the caller has parsed it. Any JSON value.
  std::optional<std::uint64_t> if_revision;
};
// Set by validate().
struct PutOutcome {
  Lsn revision;
};
// Errors: kInvalidArgument, kPayloadTooLarge (limits::kStateValueBytesMax). Of validate: kRevisionMismatch.
[[nodiscard]] Result<WritePtr> make_put(DocumentModel& model, PutInput input, std::shared_ptr<PutOutcome> outcome);

struct PatchInput {
  std::string collection;
  std::string id;
  std::string patch_json;  // A JSON merge patch (RFC 7396).
  std::optional<std::uint64_t> if_revision;
};
struct PatchOutcome {
  Lsn revision;
  std::string doc_json;  // As it is now.
};
// Errors: as make_put; kInvalidArgument for a patch that is no JSON or too deep. Of validate: kNotFound for an absent
// document, whatever its revision should be; kRevisionMismatch; kPayloadTooLarge for what it would become.
[[nodiscard]] Result<WritePtr> make_patch(DocumentModel& model, PatchInput input,
                                          std::shared_ptr<PatchOutcome> outcome);

struct DeleteInput {
  std::string collection;
  std::string id;
  std::optional<std::uint64_t> if_revision;
};
struct DeleteOutcome {
  bool deleted = false;  // It was there.
};
// Errors: kInvalidArgument. Of validate: kRevisionMismatch (of an absent document too, unless 0).
[[nodiscard]] Result<WritePtr> make_delete(DocumentModel& model, DeleteInput input,
                                           std::shared_ptr<DeleteOutcome> outcome);

// Deletes those of the documents that were not written since they were chosen (DocumentModel::choose()); the others are
// passed over. `deleted` is set to their number before the completion.
[[nodiscard]] WritePtr make_delete_chosen(DocumentModel& model, std::string collection,
                                          std::vector<ChosenDocument> documents,
                                          std::shared_ptr<std::uint64_t> deleted);

}  // namespace vibrato::doc

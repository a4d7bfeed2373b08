#include "app/ingest_to_server.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/json_writer.hpp"
#include "base/limits.hpp"

namespace vibrato::app {
namespace {

// A batch is sent when it is so large, however few rows it has. Rows are bounded, so batches stay below what a server
// takes by default.
constexpr std::size_t kBatchBytes = 8 * limits::kMiB;

Status no_answer(const std::string& what) {
  return io_error("the server's answer to a batch " + what + "; is --server a vibratod?");
}

Status check_id(const std::string& id_json) {
  const nlohmann::json id = nlohmann::json::parse(id_json, nullptr, false);
  if (id.is_string() || id.is_number_unsigned()) return ok_status();
  return invalid_argument("the id " + id_json.substr(0, 40) + " is neither a string nor a whole number from 0 on");
}

class ServerIngest {
 public:
  ServerIngest(const ServerIngestOptions& options, const PostJson& post, const Pause& pause, CheckedRows rows)
      : options_(options), post_(post), pause_(pause), rows_(std::move(rows)) {}

  Result<ServerIngestReport> run(const IngestProgress& progress) {
    for (;;) {
      VIBRATO_ASSIGN_OR_RETURN(const bool found, rows_.next());
      if (!found) break;
      if (rows_.rows() == 1 && options_.create) VIBRATO_RETURN_IF_ERROR(create_collection());
      VIBRATO_RETURN_IF_ERROR(add_row().with_context(rows_.place()));
      if (in_batch_ == options_.batch_rows || body_.size() >= kBatchBytes) VIBRATO_RETURN_IF_ERROR(send_batch());
      const RowSource& source = rows_.source();
      if (progress && !progress(rows_.rows(), source.rows_total().value_or(0), source.share_done())) {
        return Status(ErrorCode::kConflict, "stopped; the server has taken " + std::to_string(report_.rows) + " rows");
      }
    }
    VIBRATO_RETURN_IF_ERROR(send_batch());
    report_.dim = rows_.dim();
    return report_;
  }

 private:
  Status create_collection() {
    const nlohmann::json settings = {{"dim", rows_.dim()}, {"metric", to_string(options_.metric)}};
    return post_("/v1/vector/" + options_.collection, settings.dump()).status();
  }

  Status add_row() {
    const InputRow& row = rows_.row();
    const bool has_id = !row.id_json.empty();
    if (rows_.rows() == 1) have_ids_ = has_id;
    if (has_id != have_ids_) return invalid_argument("some rows have an id and others have none");
    if (has_id) VIBRATO_RETURN_IF_ERROR(check_id(row.id_json));
    api::JsonWriter json(body_);
    body_ += in_batch_ == 0 ? "{\"items\":[" : ",";
    json.begin_object();
    json.key("id");
    if (has_id) {
      json.raw(row.id_json);
    } else {
      json.number(options_.first_id + rows_.rows() - 1);
    }
    json.key("vector");
    json.begin_array();
    for (const float number : row.vector) json.number(number);
    json.end_array();
    if (!row.meta_json.empty()) {
      json.key("meta");
      json.raw(row.meta_json);
    }
    json.end_object();
    ++in_batch_;
    return ok_status();
  }

  Status send_batch() {
    if (in_batch_ == 0) return ok_status();
    body_ += "]}";
    Result<std::string> answer = post_batch();
    for (int attempt = 1; attempt < kAttemptsMax && is_refused_for_now(answer.status()); ++attempt) {
      pause_();
      answer = post_batch();
    }
    const std::uint64_t first = rows_.rows() - in_batch_;
    const std::string place = options_.files.input + ": rows from " + std::to_string(first);
    if (!answer.ok()) return answer.status().with_context(place);
    VIBRATO_RETURN_IF_ERROR(take_answer(*answer, first).with_context(place));
    report_.rows = rows_.rows();
    in_batch_ = 0;
    body_.clear();
    return ok_status();
  }

  Result<std::string> post_batch() { return post_("/v1/vector/" + options_.collection + "/upsert_batch", body_); }

  static bool is_refused_for_now(const Status& status) {
    return status.code() == ErrorCode::kOverloaded || status.code() == ErrorCode::kUnavailable;
  }

  // Every row must have been taken.
  Status take_answer(const std::string& text, std::uint64_t first) {
    const nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object() || !answer.contains("results") || !answer["results"].is_array()) {
      return no_answer("is none");
    }
    const nlohmann::json& results = answer["results"];
    if (results.size() != in_batch_) return no_answer("has another number of results");
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i].is_object() || results[i].value("status", "") == "upserted") continue;
      return invalid_argument("row " + std::to_string(first + i) + " was refused: " + results[i].dump());
    }
    if (answer.contains("lsn") && answer["lsn"].is_number_unsigned()) report_.lsn = answer["lsn"].get<std::uint64_t>();
    return ok_status();
  }

  const ServerIngestOptions& options_;
  const PostJson& post_;
  const Pause& pause_;
  CheckedRows rows_;
  bool have_ids_ = false;
  std::string body_;  // Of the batch at hand.
  std::uint64_t in_batch_ = 0;
  ServerIngestReport report_;
};

}  // namespace

Result<ServerIngestReport> ingest_to_server(io::FileSystem& fs, const ServerIngestOptions& options,
                                            const PostJson& post, const Pause& pause, const IngestProgress& progress) {
  VIBRATO_ASSIGN_OR_RETURN(CheckedRows rows, CheckedRows::open(fs, options.files, options.metric));
  return ServerIngest(options, post, pause, std::move(rows)).run(progress);
}

}  // namespace vibrato::app

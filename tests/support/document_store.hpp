// Documents in a folder in memory, with a committer that does one write at a time: validates, stages, applies, shows.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "doc/document_writes.hpp"
#include "filter/parse_filter.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/vfs.hpp"
#include "support/fake_clock.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

class DocumentStore {
 public:
  explicit DocumentStore(doc::DocumentModel::Options options = {.builds_by_itself = false}) : options_(options) {
    reopen();
  }

  doc::DocumentModel& model() { return *model_; }
  FakeClock& clock() { return clock_; }
  sqlite::Vfs& vfs() { return vfs_; }
  Lsn last_lsn() const { return last_lsn_; }

  // As after a crash: what was not saved is replayed.
  void reopen() {
    model_.reset();
    auto opened = doc::DocumentModel::open(vfs_, "", visible_, time_, options_);
    ASSERT_OK(opened);
    model_ = *std::move(opened);
    for (const auto& [lsn, effect] : log_) {
      if (lsn > model_->durable_lsn()) {
        EXPECT_OK(model_->apply(record(lsn, effect)));
      }
    }
  }

  Status write(std::unique_ptr<commit::Write> write) {
    commit::EffectList effects(last_lsn_.next(), clock_.now_ms());
    VIBRATO_RETURN_IF_ERROR(write->validate(effects));
    std::vector<std::pair<Lsn, commit::Effect>> logged;
    for (commit::Effect& effect : std::move(effects).take()) {
      last_lsn_ = last_lsn_.next();
      logged.emplace_back(last_lsn_, std::move(effect));
    }
    for (const auto& [lsn, effect] : logged) {
      model_->stage(record(lsn, effect));
    }
    for (const auto& [lsn, effect] : logged) {
      VIBRATO_RETURN_IF_ERROR(model_->apply(record(lsn, effect)));
    }
    visible_.publish(last_lsn_);
    std::move(logged.begin(), logged.end(), std::back_inserter(log_));
    return ok_status();
  }

  Result<Lsn> put(std::string_view collection, std::string_view id, std::string doc_json,
                  std::optional<std::uint64_t> if_revision = std::nullopt) {
    auto outcome = std::make_shared<doc::PutOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(
        auto made,
        doc::make_put(*model_, {std::string(collection), std::string(id), std::move(doc_json), if_revision}, outcome));
    VIBRATO_RETURN_IF_ERROR(write(std::move(made)));
    return outcome->revision;
  }
  Result<std::string> patch(std::string_view collection, std::string_view id, std::string doc_json,
                            std::optional<std::uint64_t> if_revision = std::nullopt) {
    auto outcome = std::make_shared<doc::PatchOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(
        auto made, doc::make_patch(
                       *model_, {std::string(collection), std::string(id), std::move(doc_json), if_revision}, outcome));
    VIBRATO_RETURN_IF_ERROR(write(std::move(made)));
    return outcome->doc_json;
  }
  Result<bool> erase(std::string_view collection, std::string_view id,
                     std::optional<std::uint64_t> if_revision = std::nullopt) {
    auto outcome = std::make_shared<doc::DeleteOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(
        auto made, doc::make_delete(*model_, {std::string(collection), std::string(id), if_revision}, outcome));
    VIBRATO_RETURN_IF_ERROR(write(std::move(made)));
    return outcome->deleted;
  }
  Result<std::string> get(std::string_view collection, std::string_view id) {
    VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, model_->get(collection, id));
    return row ? row->value : "(none)";
  }
  void save() { EXPECT_OK(model_->save(last_lsn_)); }
  // All that finds asked for, to the end.
  void build_indexes() {
    for (;;) {
      const auto worked = model_->build_indexes();
      ASSERT_OK(worked);
      if (!*worked) {
        return;
      }
    }
  }

 private:
  static wal::StoredRecord record(Lsn lsn, const commit::Effect& effect) {
    return {lsn, 0, effect.collection, effect.type, false, effect.body};
  }

  doc::DocumentModel::Options options_;
  FakeClock clock_;
  io::SimulatedFileSystem fs_;
  sqlite::Vfs vfs_{fs_};
  commit::RoundTime time_{clock_};
  commit::VisibleLsn visible_;
  Lsn last_lsn_;
  std::vector<std::pair<Lsn, commit::Effect>> log_;
  std::unique_ptr<doc::DocumentModel> model_;
};

// A filter as it stands in a request.
inline filter::Filter document_filter(std::string_view text) {
  simdjson::dom::parser parser;
  auto parsed = filter::parse_filter(parser.parse(text));
  EXPECT_OK(parsed);
  return parsed.ok() ? *std::move(parsed) : filter::Filter{};
}

}  // namespace vibrato::test

// The state model behind a sequencer and a log on a simulated disk: what the engine puts together, small enough for a
// test to see all of it.
#pragma once

#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commit/sequencer.hpp"
#include "io/simulated_file_system.hpp"
#include "kv/state_writes.hpp"
#include "support/fake_clock.hpp"
#include "support/log_records.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

class StateDatabase {
 public:
  StateDatabase(io::FileSystem& fs, const Clock& clock) : fs_(fs), clock_(clock) {}
  ~StateDatabase() { stop(); }

  static void make_folders(io::FileSystem& fs) {
    ASSERT_OK(fs.create_directory("/data"));
    ASSERT_OK(fs.sync_directory("/"));
  }

  // Recovers; the committer runs unless `paused`.
  [[nodiscard]] Status start(bool paused = false) {
    stop();
    vfs_ = std::make_unique<sqlite::Vfs>(fs_);
    time_ = std::make_unique<commit::RoundTime>(clock_);
    visible_.publish(Lsn());
    VIBRATO_ASSIGN_OR_RETURN(log_, wal::LocalLog::open(fs_, "/data/wal", plain_log_options()));
    VIBRATO_RETURN_IF_ERROR(log_->health());
    VIBRATO_ASSIGN_OR_RETURN(
        model_, kv::StateModel::open(*vfs_, "/data", visible_, *time_, {.rows = {.cached_rows_bytes_max = 1 << 20}}));
    list_ = {model_.get()};
    models_ = std::make_unique<commit::ModelSet>(list_);
    VIBRATO_RETURN_IF_ERROR(models_->load_and_replay(*log_).status());
    sequencer_ = std::make_unique<commit::Sequencer>(*log_, *models_, *time_, visible_, commit::SequencerOptions{});
    if (!paused) {
      sequencer_->start();
    }
    return ok_status();
  }
  // What was submitted is committed; nothing is saved.
  void stop() {
    sequencer_.reset();
    models_.reset();
    model_.reset();
    log_.reset();
  }

  [[nodiscard]] kv::StateModel& model() { return *model_; }
  [[nodiscard]] commit::Sequencer& sequencer() { return *sequencer_; }
  [[nodiscard]] wal::LocalLog& log() { return *log_; }
  [[nodiscard]] Lsn visible() const { return visible_.get(); }
  [[nodiscard]] std::int64_t now_ms() const { return time_->now_ms(); }
  [[nodiscard]] Status save() { return model_->save(visible()); }

  // The revision.
  [[nodiscard]] Result<std::uint64_t> put(kv::PutInput input) {
    const auto outcome = std::make_shared<kv::PutOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(auto write, kv::make_put(*model_, std::move(input), outcome));
    VIBRATO_ASSIGN_OR_RETURN(const commit::Committed done, sequencer_->commit(std::move(write)));
    EXPECT_EQ(done.last_lsn, outcome->revision);
    return outcome->revision.value();
  }
  [[nodiscard]] Result<std::uint64_t> put(const std::string& key, const std::string& value_json) {
    return put(kv::PutInput{.key = key, .value_json = value_json, .ttl_ms = {}, .if_revision = {}});
  }
  [[nodiscard]] Result<std::uint64_t> put_for(const std::string& key, const std::string& value_json,
                                              std::uint64_t ttl_ms) {
    return put(kv::PutInput{.key = key, .value_json = value_json, .ttl_ms = ttl_ms, .if_revision = {}});
  }
  [[nodiscard]] Result<std::uint64_t> put_if(const std::string& key, const std::string& value_json,
                                             std::uint64_t revision) {
    return put(kv::PutInput{.key = key, .value_json = value_json, .ttl_ms = {}, .if_revision = revision});
  }
  // Whether it was there.
  [[nodiscard]] Result<bool> erase(const std::string& key, std::optional<std::uint64_t> if_revision = std::nullopt) {
    const auto outcome = std::make_shared<kv::DeleteOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(auto write, kv::make_delete(*model_, {.key = key, .if_revision = if_revision}, outcome));
    VIBRATO_RETURN_IF_ERROR(sequencer_->commit(std::move(write)).status());
    return outcome->deleted;
  }
  // How many keys it chose.
  [[nodiscard]] Result<std::size_t> expire(std::size_t count = 100) {
    std::size_t keys = 0;
    VIBRATO_ASSIGN_OR_RETURN(auto write, kv::make_expiry(*model_, now_ms(), count, keys));
    if (write) {
      VIBRATO_RETURN_IF_ERROR(sequencer_->commit(std::move(write)).status());
    }
    return keys;
  }

  // "value@revision", or "(none)".
  [[nodiscard]] std::string get(const std::string& key) const {
    const auto row = model_->get(key);
    EXPECT_OK(row);
    if (!row.ok()) {
      return "(error)";
    }
    return *row ? fmt::format("{}@{}", (*row)->value, (*row)->lsn.value()) : "(none)";
  }
  // "key=value key=value", and " ..." if there is more.
  [[nodiscard]] std::string list(kv::StateListQuery query = {}) const {
    query.limit = query.limit == 0 ? 1000 : query.limit;
    const auto page = model_->list(query);
    EXPECT_OK(page);
    std::string text;
    for (const kv::StateItem& item : page->items) {
      text += (text.empty() ? "" : " ") + item.key + "=" + item.value_json();
    }
    return text + (page->has_more ? " ..." : "");
  }
  // What the log has, as "put k", "deleted k", "expired k".
  [[nodiscard]] std::vector<std::string> records() {
    std::vector<std::string> texts;
    auto cursor = log_->read_from(Lsn(1));
    EXPECT_OK(cursor);
    for (const OwnedRecord& record : drain(**cursor)) {
      const auto body = bytes_of(record.body);
      if (record.type == static_cast<std::uint16_t>(format::StateRecord::kPut)) {
        texts.push_back("put " + std::string(format::decode_state_put(body)->key));
      } else {
        const auto deleted = format::decode_state_deleted(body);
        const bool is_ttl = deleted->reason == format::StateDeleteReason::kTtl;
        texts.push_back((is_ttl ? "expired " : "deleted ") + std::string(deleted->key));
      }
    }
    return texts;
  }

 private:
  io::FileSystem& fs_;
  const Clock& clock_;
  std::unique_ptr<sqlite::Vfs> vfs_;
  std::unique_ptr<commit::RoundTime> time_;
  commit::VisibleLsn visible_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<kv::StateModel> model_;
  std::vector<commit::Model*> list_;
  std::unique_ptr<commit::ModelSet> models_;
  std::unique_ptr<commit::Sequencer> sequencer_;
};

}  // namespace vibrato::test

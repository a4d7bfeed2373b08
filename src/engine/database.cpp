#include "engine/database.hpp"

#include <future>

#include "engine/database_impl.hpp"

namespace vibrato::engine {

Result<std::unique_ptr<Database>> Database::open(io::FileSystem& fs, DatabaseOptions options, const Clock& clock,
                                                 const Logger& logger, MetricsRegistry& metrics) {
  auto impl = std::make_unique<Impl>(fs, std::move(options), clock, logger, metrics);
  VIBRATO_RETURN_IF_ERROR(impl->open());
  return std::make_unique<Database>(std::move(impl));
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Database::~Database() {
  stop();
}

Status Database::start() {
  return impl_->start();
}

void Database::hold_readiness(bool held) {
  impl_->readiness_held = held;
}

void Database::request_stop() {
  impl_->stop_requested = true;
  impl_->waiters.stop();
}

void Database::stop() {
  impl_->stop();
}

Status Database::check_readable() const {
  return impl_->check_readable();
}

vector::VectorModel& Database::vectors() {
  return *impl_->model;
}

kv::StateModel& Database::state() {
  return *impl_->state_model;
}

doc::DocumentModel& Database::documents() {
  return *impl_->documents;
}

sql::SqlModel* Database::sql() {
  return impl_->options.sql ? impl_->sql_model.get() : nullptr;
}

events::EventHub& Database::events() {
  return *impl_->event_hub;
}

const commit::ModelSet& Database::models() const {
  return *impl_->models;
}

commit::IdempotencyKeys& Database::idempotency_keys() {
  return *impl_->idempotency;
}

Status Database::submit(std::unique_ptr<commit::Write> write, Kind kind, const vector::Collection* collection,
                        commit::Durability durability, commit::Completion done) {
  return impl_->submit(std::move(write), kind, collection, durability, std::move(done));
}

Status Database::submit_to_all(std::unique_ptr<commit::Write> write, Kind kind,
                               std::span<const vector::CollectionPtr> collections, commit::Durability durability,
                               commit::Completion done) {
  return impl_->submit_to_all(std::move(write), kind, collections, durability, std::move(done));
}

Result<commit::Committed> Database::commit(std::unique_ptr<commit::Write> write, Kind kind,
                                           const vector::Collection* collection, commit::Durability durability) {
  std::promise<Result<commit::Committed>> promise;
  auto future = promise.get_future();
  VIBRATO_RETURN_IF_ERROR(
      submit(std::move(write), kind, collection, durability,
             [&promise](Result<commit::Committed> result) { promise.set_value(std::move(result)); }));
  return future.get();
}

Status Database::start_import(const vector::CollectionPtr& collection, vector::KeepGoing keep_going, ImportWork work) {
  return impl_->start_import(collection, std::move(keep_going), std::move(work));
}

Result<commit::Committed> Database::commit_import(const vector::CollectionPtr& collection, vector::Import& import) {
  return impl_->commit_import(collection, import);
}

Lsn Database::visible_lsn() const {
  return impl_->visible.get();
}

void Database::when_visible(Lsn lsn, std::int64_t deadline_ns, std::function<void(Status)> then) {
  impl_->waiters.add(lsn, deadline_ns, std::move(then));
  impl_->background->wake_timer();
}

QueryPool& Database::queries() {
  return *impl_->query_pool;
}

QueryPool& Database::exports() {
  return *impl_->export_pool;
}

Jobs& Database::jobs() {
  return *impl_->job_runner;
}

Result<std::string> Database::start_checkpoint(JobDone done) {
  return impl_->start_checkpoint(std::move(done));
}

Result<std::string> Database::start_optimization(const std::string& collection, JobDone done) {
  return impl_->start_optimization(collection, std::move(done));
}

Result<std::string> Database::start_compaction(const std::optional<std::string>& collection, JobDone done) {
  return impl_->start_compaction(collection, std::move(done));
}

Result<std::string> Database::start_snapshot(const std::string& name, JobDone done) {
  return impl_->start_snapshot(name, std::move(done));
}

Result<SnapshotReport> Database::snapshot_now(const std::string& name) {
  return impl_->snapshot_now(name);
}

Status Database::settle_now(const vector::CollectionPtr& collection, bool merge) {
  return impl_->settle_now(collection, merge);
}

Readiness Database::readiness() const {
  return impl_->readiness();
}

DatabaseStats Database::stats() const {
  return impl_->stats();
}

catalog::Catalog& Database::catalog() {
  return *impl_->catalog;
}

auth::AccessGuard& Database::guard() {
  return *impl_->guard;
}

auth::KeyManager& Database::keys() {
  return *impl_->keys;
}

Status Database::flush_audit() {
  return impl_->audit->flush();
}

auth::AuditLog& Database::audit() {
  return *impl_->audit;
}

void Database::update_gauges() {
  impl_->update_gauges();
}

}  // namespace vibrato::engine

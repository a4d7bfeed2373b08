#include "engine/jobs.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace vibrato::engine {
namespace {

std::string_view id_prefix(std::string_view kind) {
  if (kind == "checkpoint") {
    return "chk";
  }
  if (kind == "compact") {
    return "cmp";
  }
  if (kind == "optimize") {
    return "opt";
  }
  return kind == "snapshot" ? "snap" : "job";
}

}  // namespace

class Jobs::Impl {
 public:
  Impl(catalog::Catalog& catalog, const Clock& clock, const Logger& logger)
      : catalog_(catalog), clock_(clock), logger_(logger) {
    const Status interrupted =
        catalog_.write([&](catalog::Tables& tables) { return tables.jobs.interrupt_running(clock_.now_ms()); });
    if (!interrupted.ok()) {
      logger_.warning("jobs of the former process stay marked as running: {}", interrupted.message());
    }
    thread_ = std::thread([this] { run(); });
  }

  Result<std::string> start(std::string_view kind, Work work, JobDone done) {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return unavailable("no more jobs are taken: the server stops");
    }
    for (const Entry& entry : active_) {
      if (entry.job.kind == kind) {
        return Status(ErrorCode::kConflict, "the " + entry.job.kind + " job " + entry.job.id + " is not done yet");
      }
    }
    Entry entry{.job = {}, .work = std::move(work), .done = std::move(done)};
    entry.job.kind = kind;
    entry.job.started_at_ms = clock_.now_ms();
    VIBRATO_RETURN_IF_ERROR(insert(entry.job));
    std::string id = entry.job.id;
    active_.push_back(std::move(entry));
    work_.notify_one();
    return id;
  }

  void stop() {
    const std::lock_guard one_at_a_time(stop_mutex_);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_all();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  Result<std::vector<catalog::Job>> list(std::uint32_t limit) const {
    std::vector<catalog::Job> jobs = active_jobs();
    VIBRATO_ASSIGN_OR_RETURN(
        std::vector<catalog::Job> newest,
        catalog_.read_in_time([&](const catalog::Tables& tables) { return tables.jobs.newest(limit); }));
    const std::size_t active_count = jobs.size();
    for (catalog::Job& job : newest) {
      const auto same_id = [&job](const catalog::Job& other) { return other.id == job.id; };
      if (std::none_of(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(active_count), same_id)) {
        jobs.push_back(std::move(job));
      }
    }
    jobs.resize(std::min<std::size_t>(jobs.size(), limit));
    return jobs;
  }

  Result<std::optional<catalog::Job>> find(std::string_view id) const {
    return catalog_.read_in_time([&](const catalog::Tables& tables) { return tables.jobs.find(id); });
  }

 private:
  struct Entry {
    catalog::Job job;
    Work work;
    JobDone done;
  };

  // With an id that was never given: the time, and a number for those of one millisecond or of a clock set back.
  Status insert(catalog::Job& job) {
    while (true) {
      job.id = std::string(id_prefix(job.kind)) + "_" + std::to_string(job.started_at_ms) + "_" +
               std::to_string(next_number_++);
      Status inserted = catalog_.write([&](catalog::Tables& tables) { return tables.jobs.insert(job); });
      if (inserted.code() != ErrorCode::kAlreadyExists) {
        return inserted;
      }
    }
  }

  std::vector<catalog::Job> active_jobs() const {
    const std::lock_guard lock(mutex_);
    std::vector<catalog::Job> jobs;
    jobs.reserve(active_.size());
    for (const Entry& entry : active_) {
      jobs.push_back(entry.job);
    }
    return jobs;
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [this] { return stopping_ || !active_.empty(); });
      if (active_.empty()) {
        return;
      }
      Entry& entry = active_.front();  // Stays where it is: only this thread removes, others add behind.
      const bool interrupted = stopping_;
      lock.unlock();
      const Result<std::string> outcome =
          interrupted ? Result<std::string>(unavailable("the server stopped first")) : run_one(entry);
      finish(entry.job, outcome);
      const catalog::Job job = entry.job;
      const JobDone done = std::move(entry.done);
      entry.work = nullptr;
      lock.lock();
      active_.pop_front();
      lock.unlock();
      if (done) {
        done(job, outcome.status());
      }
      lock.lock();
    }
  }

  Result<std::string> run_one(Entry& entry) {
    return entry.work([this]() -> Status { return stopping_ ? unavailable("the server stopped first") : ok_status(); });
  }

  void finish(catalog::Job& job, const Result<std::string>& outcome) {
    job.finished_at_ms = clock_.now_ms();
    if (outcome.ok()) {
      job.state = catalog::JobState::kCompleted;
      job.details = *outcome;
    } else {
      job.state = stopping_ && outcome.status().code() == ErrorCode::kUnavailable ? catalog::JobState::kInterrupted
                                                                                  : catalog::JobState::kFailed;
      job.error = outcome.status().message();
      logger_.warning("job {} did not complete: {}", job.id, *job.error);
    }
    const Status updated = catalog_.write([&](catalog::Tables& tables) { return tables.jobs.update(job); });
    if (!updated.ok()) {
      logger_.warning("the end of job {} is not in the catalog: {}", job.id, updated.message());
    }
  }

  catalog::Catalog& catalog_;
  const Clock& clock_;
  const Logger& logger_;

  mutable std::mutex mutex_;  // Guards the members below, up to stopping_, which is also read without it.
  std::condition_variable work_;
  std::deque<Entry> active_;  // The first one runs, the others wait.
  std::uint64_t next_number_ = 1;
  std::atomic<bool> stopping_ = false;
  std::mutex stop_mutex_;  // Taken before mutex_.
  std::thread thread_;
};

Jobs::Jobs(catalog::Catalog& catalog, const Clock& clock, const Logger& logger)
    : impl_(std::make_unique<Impl>(catalog, clock, logger)) {}

Jobs::~Jobs() {
  stop();
}

Result<std::string> Jobs::start(std::string_view kind, Work work, JobDone done) {
  return impl_->start(kind, std::move(work), std::move(done));
}

void Jobs::stop() {
  impl_->stop();
}

Result<std::vector<catalog::Job>> Jobs::list(std::uint32_t limit) const {
  return impl_->list(limit);
}

Result<std::optional<catalog::Job>> Jobs::find(std::string_view id) const {
  return impl_->find(id);
}

}  // namespace vibrato::engine

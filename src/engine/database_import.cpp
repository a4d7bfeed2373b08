// Imports into a running database.
#include <fmt/format.h>
#include <future>
#include <utility>

#include "engine/database_impl.hpp"
#include "engine/file_hash.hpp"

namespace vibrato::engine {
namespace {

// Whether an import into it still has a chance. Damage of the collection, its drop and a full disk end one early: what
// it would go on to write is of no use, and the space that a full disk gives up is for others.
Status check_goes_on(const vector::VectorModel& model, const vector::Collection& collection, const DiskSpace& disk) {
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr now, model.find(collection.identity().name));
  if (now.get() != &collection) {
    return {ErrorCode::kNotFound, fmt::format("the collection \"{}\" was dropped during the import, and made again",
                                              collection.identity().name)};
  }
  VIBRATO_RETURN_IF_ERROR(collection.check_writable());
  return disk.check();
}

}  // namespace

Status Database::Impl::start_import(const vector::CollectionPtr& collection, vector::KeepGoing keep_going,
                                    ImportWork work) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  VIBRATO_RETURN_IF_ERROR(check_budgets(Kind::kPut, [&] { return budgets->check(collection.get(), 0); }));
  VIBRATO_RETURN_IF_ERROR(collection->check_writable());
  vector::ImportOptions import_options;
  import_options.hash = [this](const std::string& path, std::uint64_t bytes) { return hash_file(fs, path, bytes); };
  import_options.keep_going = [this, collection, asked = std::move(keep_going)]() -> Status {
    VIBRATO_RETURN_IF_ERROR(stop_requested ? unavailable("the server stops") : asked());
    return check_goes_on(*model, *collection, disk);
  };
  return imports.start(collection->identity().number, [this, collection, made = std::move(import_options),
                                                       work = std::move(work)]() mutable {
    const std::unique_ptr<vector::Import> import = maintenance->begin_import(collection, std::move(made));
    return work(*import);
  });
}

Result<commit::Committed> Database::Impl::commit_import(const vector::CollectionPtr& collection,
                                                        vector::Import& import) {
  VIBRATO_RETURN_IF_ERROR(import.finish());
  if (import.points() == 0) {
    return commit::Committed{};
  }
  const auto submit_and_wait = [&](vector::WritePtr write) -> Result<commit::Committed> {
    std::promise<Result<commit::Committed>> promise;
    auto future = promise.get_future();
    VIBRATO_RETURN_IF_ERROR(
        submit(std::move(write), Kind::kPut, collection.get(), commit::Durability::kSynced,
               [&promise](Result<commit::Committed> result) { promise.set_value(std::move(result)); }));
    return future.get();
  };
  return import.commit(*model, submit_and_wait);
}

}  // namespace vibrato::engine

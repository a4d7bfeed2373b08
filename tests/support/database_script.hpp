// A script of random steps over a whole database, for tests that take its disk away: creations, puts, groups, imports,
// deletes, also by filter, drops, keys of state, documents, rows of SQL, batches over them, checkpoints, merges,
// snapshots, restores, keys made and revoked. With small segments of the log, so that these roll over and are trimmed.
// It says what may be found afterwards.
#pragma once

#include <fmt/format.h>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "engine/database_impl.hpp"
#include "engine/offline.hpp"
#include "engine/snapshot_check.hpp"
#include "support/made_database.hpp"

namespace vibrato::test {

inline engine::DatabaseOptions script_options() {
  engine::DatabaseOptions options = made_database_options();
  options.wal_segment_bytes = 4096;
  options.wal_retain_bytes = 4096;
  options.hot_part_bytes = 256;  // A few rows: what a checkpoint saves takes several commits.
  options.sql = true;
  return options;
}

class DatabaseScript {
 public:
  DatabaseScript(std::uint64_t seed, io::FileSystem& fs) : fs_(fs), random_(seed) {}

  struct Step {
    Status status;
    bool is_write = false;    // Of points and collections.
    bool is_restart = false;  // A restore, which needs a folder that nobody holds.
  };
  // One step. Sets `maybe` to what is there if it was done; the caller says what that means for `content`.
  // Requires: an open database; after a restore that failed it may be closed.
  Step step(MadeDatabase& database) {
    maybe = content;
    return run_step(database);
  }

  // Ends early at the first error. Afterwards `content` is what was acknowledged, `maybe` that with the step in flight.
  void run(MadeDatabase& database, int steps) {
    for (int i = 0; i < steps; ++i) {
      if (!step(database).status.ok()) {
        return;
      }
      content = maybe;
    }
    maybe = content;
  }

  // What is wrong with the keys, and with the snapshots that are listed or have a name; empty if nothing is.
  std::string wrong_beside_points(MadeDatabase& database) {
    for (const Key& key : keys_) {
      const std::string bearer = fmt::format("Bearer {}", key.token);
      const auth::AuthState state =
          database->impl().authenticator->authenticate({bearer, std::nullopt}, database.clock().now_ms()).state;
      if (state != auth::AuthState::kAuthenticated && state != auth::AuthState::kRevoked) {
        return fmt::format("a key that was given is {}", auth::to_string(state));
      }
      if (!key.is_in_doubt && (state == auth::AuthState::kRevoked) != key.is_revoked) {
        return fmt::format("a key is {}, which is{} revoked", auth::to_string(state), key.is_revoked ? "" : " not");
      }
    }
    return wrong_with_snapshots(database);
  }

  MadeContent content;
  MadeContent maybe;

 private:
  struct Key {
    std::string id;
    std::string token;
    bool is_revoked = false;
    bool is_in_doubt = false;  // A revocation that failed may have happened.
  };

  Step run_step(MadeDatabase& database) {
    const std::string name = random_.chance(0.7) ? "a" : "b";
    if (random_.chance(0.3)) {
      return {write_models(database, name), true};
    }
    const std::uint64_t choice = random_.below(100);
    if (choice >= 96) {
      return {choice == 96 ? make_key(database) : revoke_key(database)};
    }
    if (choice >= 93) {
      return restore(database);
    }
    if (!content.contains(name)) {
      maybe[name];
      return {database.create(name), true};
    }
    if (choice < 65) {
      return write_points(database, name, choice);
    }
    if (choice < 68) {
      maybe.erase(name);
      return {database.drop(name), true};
    }
    if (choice < 80) {
      return {database.checkpoint()};
    }
    if (choice < 87) {
      return {choice < 85 ? database.compact(name) : database.optimize(name)};
    }
    return {snapshot(database)};
  }

  // State, documents, SQL, or a batch over them and, if it is there, the collection.
  Status write_models(MadeDatabase& database, const std::string& name) {
    const std::uint64_t id = random_.below(10);
    const std::uint64_t number = random_.below(5000);
    switch (random_.below(8)) {
      case 0:
        return erase(kMadeState, id), database.remove_state(id);
      case 1:
        return erase(kMadeDocuments, id), database.remove_document(id);
      case 2:
        maybe[kMadeState][id] = number;
        return database.put_state(id, number);
      case 3:
        maybe[kMadeDocuments][id] = number;
        return database.put_document(id, number);
      case 4:
        if (database->sql() != nullptr) {
          maybe[kMadeSql][id] = number;
          return database.put_row(id, number);
        }
        [[fallthrough]];
      default:
        break;
    }
    maybe[kMadeState][id] = number;
    maybe[kMadeDocuments][id] = number;
    if (!content.contains(name)) {
      return database.put_everywhere(id, number);
    }
    maybe[name][id] = number;
    return database.put_everywhere(id, number, name);
  }

  // What is empty is as if it were not there.
  void erase(const std::string& name, std::uint64_t id) {
    maybe[name].erase(id);
    if (maybe[name].empty()) {
      maybe.erase(name);
    }
  }

  Step write_points(MadeDatabase& database, const std::string& name, std::uint64_t choice) {
    auto& points = maybe[name];
    if (choice < 35) {
      const std::uint64_t id = random_.below(40);
      points[id] = random_.below(5000);
      return {database.put(name, id, points[id]), true};
    }
    if (choice < 45 || points.empty()) {
      return {put_group(database, name), true};
    }
    if (choice < 50) {
      return {import_points(database, name), true};
    }
    if (choice < 54) {
      return {delete_by_filter(database, name), true};
    }
    const std::uint64_t id =
        std::next(points.begin(), static_cast<std::ptrdiff_t>(random_.below(points.size())))->first;
    points.erase(id);
    return {database.remove(name, id), true};
  }

  // Is there whole or not at all, as one write.
  Status put_group(MadeDatabase& database, const std::string& name) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database->vectors().find(name));
    std::vector<vector::PointInput> inputs;
    for (std::uint64_t i = 3 + random_.below(10); i > 0; --i) {
      const std::uint64_t id = random_.below(40);
      const std::uint64_t number = random_.below(5000);
      maybe[name][id] = number;
      inputs.push_back({PointId(id), made_vector(number), made_meta(number)});
    }
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    VIBRATO_RETURN_IF_ERROR(
        database.commit(vector::make_upsert_batch(database->vectors(), collection, std::move(inputs), outcome),
                        engine::Database::Kind::kPut, collection.get()));
    for (const Status& item : outcome->items) {
      VIBRATO_RETURN_IF_ERROR(item);
    }
    return ok_status();
  }

  // As a group. Ids may come twice: the last one counts.
  Status import_points(MadeDatabase& database, const std::string& name) {
    MadeDatabase::ImportedPoints points;
    for (std::uint64_t i = 3 + random_.below(10); i > 0; --i) {
      points.emplace_back(random_.below(40), random_.below(5000));
      maybe[name][points.back().first] = points.back().second;
    }
    return database.import(name, points);
  }

  // Of one page, so that it is there whole or not at all; takes one point at least.
  Status delete_by_filter(MadeDatabase& database, const std::string& name) {
    auto& points = maybe[name];
    const std::uint64_t number =
        std::next(points.begin(), static_cast<std::ptrdiff_t>(random_.below(points.size())))->second;
    std::erase_if(points, [number](const auto& point) { return point.second <= number; });
    return database.delete_up_to(name, number, {}, 1000).status();
  }

  Status snapshot(MadeDatabase& database) {
    const std::string name = fmt::format("s{}", next_name_++);
    Status made = database.snapshot(name);
    if (made.ok()) {
      snapshots_.emplace_back(name, content);
    }
    return made;
  }

  // Any of the snapshots that were made, or nothing without one.
  Step restore(MadeDatabase& database) {
    if (snapshots_.empty()) {
      return {snapshot(database)};
    }
    const auto& [name, state] = snapshots_[random_.below(snapshots_.size())];
    maybe = state;
    database.close();
    const std::string folder = fmt::format("{}/snapshots/{}", database.options().data_folder, name);
    const Status restored =
        engine::restore_snapshot({fs_, database.clock(), database.logger(), {}}, database.options(), folder).status();
    const Status opened = database.open();
    return {restored.ok() ? opened : restored, true, true};
  }

  Status make_key(MadeDatabase& database) {
    auto made = database->keys().create({"test"}, {fmt::format("k{}", next_name_++), {auth::Role::kQuery}});
    VIBRATO_RETURN_IF_ERROR(made.status());
    keys_.push_back({made->record.id, std::string(made->token.view())});
    return ok_status();
  }

  Status revoke_key(MadeDatabase& database) {
    if (keys_.empty()) {
      return make_key(database);
    }
    Key& key = keys_[random_.below(keys_.size())];
    Status revoked = database->keys().revoke({"test"}, key.id);
    if (revoked.ok()) {
      key.is_revoked = true;
      key.is_in_doubt = false;
    } else {
      key.is_in_doubt = !key.is_revoked;
    }
    return revoked;
  }

  std::string wrong_with_snapshots(MadeDatabase& database) {
    const std::string folder = database.options().data_folder + "/";
    std::vector<std::string> names;
    const auto rows = database->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.all(); });
    if (!rows.ok()) {
      return rows.status().message();
    }
    for (const catalog::Snapshot& row : *rows) {
      names.push_back(row.folder);
    }
    const auto present = fs_.list_directory(folder + "snapshots");
    if (!present.ok()) {
      return present.status().message();
    }
    for (const io::FileInfo& entry : *present) {
      if (entry.name.starts_with(".")) {
        return fmt::format("a half snapshot was not removed: {}", entry.name);
      }
      names.push_back(fmt::format("snapshots/{}", entry.name));
    }
    for (const std::string& name : names) {
      if (const auto manifest = engine::check_snapshot(fs_, folder + name); !manifest.ok()) {
        return manifest.status().message();
      }
    }
    return "";
  }

  io::FileSystem& fs_;
  Random random_;
  std::uint64_t next_name_ = 1;
  std::vector<std::pair<std::string, MadeContent>> snapshots_;
  std::vector<Key> keys_;
};

}  // namespace vibrato::test

#include "io/simulated_file_system.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "io/safe_path.hpp"
#include "io/simulated_file.hpp"

namespace vibrato::io {
namespace {

using Kind = SimulatedOperation::Kind;

Status error(ErrorCode code, const std::string& path, std::string_view reason) {
  return {code, path + ": " + std::string(reason)};
}

Result<std::vector<std::string>> split(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return invalid_argument("a path must not be empty or contain a NUL");
  }
  std::vector<std::string> parts;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    if (part == "..") {
      return invalid_argument(path + ": the simulation has no '..'");
    }
    if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return parts;
}

bool contains(const SimulatedNodePtr& folder, const SimulatedNodePtr& wanted) {
  if (folder == wanted) {
    return true;
  }
  const auto& names = folder->names.current();
  return std::any_of(names.begin(), names.end(), [&](const auto& entry) { return contains(entry.second, wanted); });
}

bool is_writable(OpenMode mode) {
  return mode != OpenMode::kReadOnly && mode != OpenMode::kReadOnlyPrivate;
}

FileInfo info_of(std::string name, const SimulatedNode& node) {
  FileInfo info;
  info.name = std::move(name);
  info.is_directory = node.is_directory;
  info.is_regular = !node.is_directory;
  info.size_bytes = node.content.current().size();
  return info;
}

class SimulatedMap final : public ReadOnlyMap {
 public:
  explicit SimulatedMap(std::span<const std::byte> content) : content_(content.begin(), content.end()) {}
  [[nodiscard]] std::span<const std::byte> bytes() const override { return content_; }
  void advise(Access, std::uint64_t, std::uint64_t) const override {}

 private:
  std::vector<std::byte> content_;
};

}  // namespace

class SimulatedLock final : public DirectoryLock {
 public:
  // Requires: the mutex of `owner`.
  SimulatedLock(SimulatedFileSystem& owner, SimulatedNodePtr folder)
      : owner_(owner), folder_(std::move(folder)), generation_(owner.generation_) {}
  SimulatedLock(const SimulatedLock&) = delete;
  SimulatedLock& operator=(const SimulatedLock&) = delete;
  ~SimulatedLock() override {
    const std::lock_guard lock(owner_.mutex_);
    if (generation_ == owner_.generation_) {
      owner_.locked_.erase(folder_.get());
    }
  }

 private:
  SimulatedFileSystem& owner_;
  SimulatedNodePtr folder_;
  std::uint64_t generation_;
};

SimulatedFileSystem::SimulatedFileSystem() : root_(std::make_shared<SimulatedNode>()) {
  root_->is_directory = true;
}
SimulatedFileSystem::~SimulatedFileSystem() = default;

void SimulatedFileSystem::cut_power() {
  cut_power_after(0);
}

void SimulatedFileSystem::cut_power_after(std::uint64_t operations) {
  const std::lock_guard lock(mutex_);
  power_limit_ = operations_.size() + operations;
  has_power_ = operations > 0;
}

bool SimulatedFileSystem::has_power() const {
  const std::lock_guard lock(mutex_);
  return has_power_;
}

void SimulatedFileSystem::restart(CrashMode mode, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  lose_power(root_, mode, seed);
  has_power_ = true;
  fail_next_sync_ = false;
  power_limit_ = UINT64_MAX;
  ++generation_;
  locked_.clear();
}

void SimulatedFileSystem::fail_next_sync() {
  const std::lock_guard lock(mutex_);
  fail_next_sync_ = true;
}

void SimulatedFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_bytes_ = bytes;
}

std::uint64_t SimulatedFileSystem::operation_count() const {
  const std::lock_guard lock(mutex_);
  return operations_.size();
}

std::vector<SimulatedOperation> SimulatedFileSystem::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_power());
  VIBRATO_ASSIGN_OR_RETURN(Place place, find(path));
  const bool is_new = mode == OpenMode::kCreateNew || mode == OpenMode::kCreateNewPrivate;
  const bool creates = is_new || mode == OpenMode::kCreateTruncate;
  if (place.node && is_new) {
    return error(ErrorCode::kAlreadyExists, path, "exists already");
  }
  if (place.node && place.node->is_directory) {
    return error(ErrorCode::kIoError, path, "is a folder");
  }
  if (!place.node && !creates) {
    return error(ErrorCode::kNotFound, path, "does not exist");
  }
  if (!place.node) {
    VIBRATO_ASSIGN_OR_RETURN(place.node, create_file(place, path));
    place.node->is_private = mode == OpenMode::kCreateNewPrivate;
  } else if (mode == OpenMode::kReadOnlyPrivate && !place.node->is_private) {
    return error(ErrorCode::kForbidden, path, "is open to others than its owner");
  } else if (mode == OpenMode::kCreateTruncate) {
    place.node->content.resize(count(Kind::kTruncate, path), 0);
  }
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(*this, place.node, path, is_writable(mode)));
}

Result<std::unique_ptr<ReadOnlyMap>> SimulatedFileSystem::map_read_only(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr node, find_file(path));
  return std::unique_ptr<ReadOnlyMap>(std::make_unique<SimulatedMap>(node->content.current()));
}

Status SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_power());
  VIBRATO_ASSIGN_OR_RETURN(const Place source, find(from));
  VIBRATO_ASSIGN_OR_RETURN(const Place target, find(to));
  VIBRATO_RETURN_IF_ERROR(check_rename(source, target, from));
  if (source.node == target.node) {
    return ok_status();  // Two names of one file: POSIX does nothing.
  }
  const std::uint64_t sequence = count(Kind::kRename, to);
  if (source.folder == target.folder) {
    source.folder->names.change(sequence, {{source.name, nullptr}, {target.name, source.node}});
  } else {
    target.folder->names.change(sequence, {{target.name, source.node}});
    source.folder->names.change(sequence, {{source.name, nullptr}});
  }
  return ok_status();
}

Status SimulatedFileSystem::check_rename(const Place& from, const Place& to, const std::string& path) const {
  if (!from.node) {
    return error(ErrorCode::kNotFound, path, "does not exist");
  }
  if (from.node->is_directory && from.folder != to.folder) {
    const bool inside_itself = contains(from.node, to.folder);
    return error(ErrorCode::kInvalidArgument, path,
                 inside_itself ? "cannot be moved into itself" : "the simulation renames folders in their parent only");
  }
  if (to.node && to.node != from.node) {
    if (from.node->is_directory && !to.node->is_directory) {
      return error(ErrorCode::kNotFound, path, "the target is not a folder");
    }
    if (!from.node->is_directory && to.node->is_directory) {
      return error(ErrorCode::kIoError, path, "the target is a folder");
    }
    if (to.node->is_directory && !to.node->names.current().empty()) {
      return error(ErrorCode::kIoError, path, "the target folder is not empty");
    }
  }
  return ok_status();
}

Status SimulatedFileSystem::hard_link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr node, find_file(from));
  VIBRATO_ASSIGN_OR_RETURN(const Place target, find(to));
  if (target.node) {
    return error(ErrorCode::kAlreadyExists, to, "exists already");
  }
  target.folder->names.change(count(Kind::kHardLink, to), {{target.name, node}});
  return ok_status();
}

Status SimulatedFileSystem::remove_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(find_file(path).status());
  VIBRATO_ASSIGN_OR_RETURN(const Place place, find(path));
  place.folder->names.change(count(Kind::kRemoveFile, path), {{place.name, nullptr}});
  return ok_status();
}

Status SimulatedFileSystem::create_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_power());
  VIBRATO_ASSIGN_OR_RETURN(const Place place, find(path));
  if (place.node) {
    return place.node->is_directory ? ok_status() : error(ErrorCode::kAlreadyExists, path, "is a file");
  }
  auto folder = std::make_shared<SimulatedNode>();
  folder->is_directory = true;
  place.folder->names.change(count(Kind::kCreateDirectory, path), {{place.name, std::move(folder)}});
  return ok_status();
}

Status SimulatedFileSystem::remove_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr folder, find_folder(path));
  VIBRATO_ASSIGN_OR_RETURN(const Place place, find(path));
  if (folder == root_ || !folder->names.current().empty()) {
    return error(ErrorCode::kIoError, path, "the folder is not empty");
  }
  place.folder->names.change(count(Kind::kRemoveDirectory, path), {{place.name, nullptr}});
  return ok_status();
}

Result<std::vector<FileInfo>> SimulatedFileSystem::list_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr folder, find_folder(path));
  std::vector<FileInfo> entries;
  for (const auto& [name, node] : folder->names.current()) {
    entries.push_back(info_of(name, *node));
  }
  return entries;
}

Result<FileInfo> SimulatedFileSystem::stat(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr node, find_existing(path));
  return info_of(file_name_of(path), *node);
}

Status SimulatedFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr folder, find_folder(path));
  count(Kind::kSyncDirectory, path);
  folder->names.sync();
  return ok_status();
}

Result<std::unique_ptr<DirectoryLock>> SimulatedFileSystem::lock_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr folder, find_folder(path));
  if (locked_.contains(folder.get())) {
    return error(ErrorCode::kConflict, path, "the folder is in use");
  }
  if (!folder->names.current().contains("LOCK")) {
    VIBRATO_RETURN_IF_ERROR(create_file({folder, "LOCK", nullptr}, path + "/LOCK").status());
  }
  locked_.insert(folder.get());
  return std::unique_ptr<DirectoryLock>(std::make_unique<SimulatedLock>(*this, folder));
}

Result<std::uint64_t> SimulatedFileSystem::free_bytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(find_existing(path).status());
  const std::uint64_t used = used_bytes();
  return used < capacity_bytes_ ? capacity_bytes_ - used : 0;
}

Status SimulatedFileSystem::check_power() const {
  return has_power_ ? ok_status() : io_error("the simulated machine has no power");
}

Result<SimulatedFileSystem::Place> SimulatedFileSystem::find(const std::string& path) const {
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::string> parts, split(path));
  Place place{root_, "", root_};
  for (const std::string& part : parts) {
    if (!place.node || !place.node->is_directory) {
      return error(ErrorCode::kNotFound, path, "a folder on the way does not exist");
    }
    const auto& names = place.node->names.current();
    const auto found = names.find(part);
    place = {place.node, part, found == names.end() ? nullptr : found->second};
  }
  return place;
}

Result<SimulatedNodePtr> SimulatedFileSystem::find_existing(const std::string& path) const {
  VIBRATO_RETURN_IF_ERROR(check_power());
  VIBRATO_ASSIGN_OR_RETURN(const Place place, find(path));
  if (!place.node) {
    return error(ErrorCode::kNotFound, path, "does not exist");
  }
  return place.node;
}

Result<SimulatedNodePtr> SimulatedFileSystem::find_folder(const std::string& path) const {
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr node, find_existing(path));
  if (!node->is_directory) {
    return error(ErrorCode::kNotFound, path, "is not a folder");
  }
  return node;
}

Result<SimulatedNodePtr> SimulatedFileSystem::find_file(const std::string& path) const {
  VIBRATO_ASSIGN_OR_RETURN(const SimulatedNodePtr node, find_existing(path));
  if (node->is_directory) {
    return error(ErrorCode::kIoError, path, "is a folder");
  }
  return node;
}

std::uint64_t SimulatedFileSystem::count(Kind kind, const std::string& path, std::uint64_t size_bytes) {
  operations_.push_back({kind, path, size_bytes});
  has_power_ = operations_.size() < power_limit_;
  return operations_.size();
}

Result<SimulatedNodePtr> SimulatedFileSystem::create_file(const Place& place, const std::string& path) {
  auto node = std::make_shared<SimulatedNode>();
  place.folder->names.change(count(Kind::kCreate, path), {{place.name, node}});
  return node;
}

Status SimulatedFileSystem::check_space(std::uint64_t old_bytes, std::uint64_t new_bytes,
                                        const std::string& path) const {
  if (capacity_bytes_ == UINT64_MAX || new_bytes <= old_bytes ||
      used_bytes() + (new_bytes - old_bytes) <= capacity_bytes_) {
    return ok_status();
  }
  return error(ErrorCode::kDiskFull, path, "no space left");
}

std::uint64_t SimulatedFileSystem::used_bytes() const {
  std::unordered_set<const SimulatedNode*> seen;
  std::uint64_t total = 0;
  const std::function<void(const SimulatedNode&)> add = [&](const SimulatedNode& node) {
    if (seen.insert(&node).second) {
      total += node.content.current().size();
      for (const auto& [name, child] : node.names.current()) {
        add(*child);
      }
    }
  };
  add(*root_);
  return total;
}

}  // namespace vibrato::io

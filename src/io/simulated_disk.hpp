// What a power loss leaves of files and folders: the model behind SimulatedFileSystem, the only one who uses it.
//
// A disk writes whole sectors of 512 bytes, in any order, until a sync waits for them. So each file has
//   - current content: what reads see, as of the page cache;
//   - durable content: what is certainly on the disk;
//   - pending changes: for each write since the last sync the sectors it touched, as they were after it.
// After a power loss each sector holds its durable image or the image after any pending change; the size is the
// durable one or that after any pending change, with zeros where no data arrived. A CrashMode says which.
// Folders are the same with names in place of sectors: a rename inside one folder is one change, kept or lost whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace vibrato::io {

// What survives of the changes that no sync has made durable.
enum class CrashMode : std::uint8_t {
  kKeepNone,       // Nothing.
  kKeepAll,        // Everything.
  kKeepPrefix,     // What came before a random moment, over all files and folders; the write at that moment is torn.
  kRandomSectors,  // Of each sector, each size and each name change, any version, drawn apart.
  kReordered,      // A random subset of the changes, in a random order.
};

inline constexpr CrashMode kAllCrashModes[] = {CrashMode::kKeepNone, CrashMode::kKeepAll, CrashMode::kKeepPrefix,
                                               CrashMode::kRandomSectors, CrashMode::kReordered};

// One power loss: the mode and its dice. Changes are numbered over the whole file system as they happen.
struct PowerLoss {
  CrashMode mode = CrashMode::kKeepNone;
  std::uint64_t cut_sequence = 0;  // kKeepPrefix: changes below survive, the write at it is torn.
  Random random{0};
};

// The bytes of one file. Thread-safety: none; SimulatedFileSystem locks.
class SimulatedContent {
 public:
  static constexpr std::size_t kSectorBytes = 512;

  [[nodiscard]] std::span<const std::byte> current() const { return current_; }
  [[nodiscard]] bool has_pending() const { return !pending_.empty(); }

  void write(std::uint64_t sequence, std::size_t offset, std::span<const std::byte> data);
  void resize(std::uint64_t sequence, std::size_t size_bytes);
  void sync();
  // What a failed sync may do (and does on Linux): the changes are dropped from the queue though no disk has them, so
  // that no later sync writes them, while reads still see them.
  void forget_pending() { pending_.clear(); }

  void lose_power(PowerLoss& loss);
  void append_pending_sequences(std::vector<std::uint64_t>& out) const;

 private:
  struct Sector {
    std::size_t index;
    std::vector<std::byte> image;  // kSectorBytes, zeros past the end of the file.
  };
  struct Change {
    std::uint64_t sequence;
    std::size_t size_bytes;  // Of the file, after the change.
    std::vector<Sector> sectors;
  };

  void record(std::uint64_t sequence, std::size_t begin, std::size_t end);
  void apply(const Change& change);
  void keep_prefix(PowerLoss& loss);
  void keep_random_sectors(PowerLoss& loss);
  void keep_reordered(PowerLoss& loss);

  std::vector<std::byte> current_;
  std::vector<std::byte> durable_;
  std::vector<Change> pending_;  // In order of sequence.
};

struct SimulatedNode;
using SimulatedNodePtr = std::shared_ptr<SimulatedNode>;

// The names in one folder. Thread-safety: none; SimulatedFileSystem locks.
class SimulatedNames {
 public:
  using Map = std::map<std::string, SimulatedNodePtr, std::less<>>;
  // Names set together or not at all; a null node removes the name.
  using Entries = std::vector<std::pair<std::string, SimulatedNodePtr>>;

  [[nodiscard]] const Map& current() const { return current_; }
  [[nodiscard]] const Map& durable() const { return durable_; }

  void change(std::uint64_t sequence, Entries entries);
  void sync();
  void lose_power(PowerLoss& loss);
  void append_pending_sequences(std::vector<std::uint64_t>& out) const;
  // Every node that is, was or may again be in this folder.
  void append_nodes(std::vector<SimulatedNodePtr>& out) const;

 private:
  struct Change {
    std::uint64_t sequence;
    Entries entries;
  };

  static void apply(Map& names, const Change& change);

  Map current_;
  Map durable_;
  std::vector<Change> pending_;  // In order of sequence.
};

// A file or a folder; hard links are several names of one node.
struct SimulatedNode {
  bool is_directory = false;
  bool is_private = false;   // Created with OpenMode::kCreateNewPrivate.
  SimulatedContent content;  // Of a file.
  SimulatedNames names;      // Of a folder.
};

// Takes the power from the tree beneath `root`: afterwards what is current is exactly what survived, and durable.
void lose_power(const SimulatedNodePtr& root, CrashMode mode, std::uint64_t seed);

}  // namespace vibrato::io

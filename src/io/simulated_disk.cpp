#include "io/simulated_disk.hpp"

#include <algorithm>
#include <unordered_set>

namespace vibrato::io {
namespace {

template <typename T>
void shuffle(std::vector<T>& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.below(i)]);
  }
}

// A random half of `changes`, in random order.
template <typename Change>
std::vector<const Change*> draw_reordered(const std::vector<Change>& changes, Random& random) {
  std::vector<const Change*> drawn;
  for (const Change& change : changes) {
    if (random.chance(0.5)) {
      drawn.push_back(&change);
    }
  }
  shuffle(drawn, random);
  return drawn;
}

}  // namespace

void SimulatedContent::write(std::uint64_t sequence, std::size_t offset, std::span<const std::byte> data) {
  if (data.empty()) {
    return;
  }
  const std::size_t end = offset + data.size();
  current_.resize(std::max(current_.size(), end));
  std::copy(data.begin(), data.end(), current_.begin() + static_cast<std::ptrdiff_t>(offset));
  record(sequence, offset, end);
}

void SimulatedContent::resize(std::uint64_t sequence, std::size_t size_bytes) {
  const std::size_t old_size = current_.size();
  current_.resize(size_bytes);
  // The sectors cut off become zeros, so that growing again cannot bring the old bytes back.
  record(sequence, std::min(size_bytes, old_size), old_size);
}

// Notes the sectors of [begin, end) as they are now, and the size.
void SimulatedContent::record(std::uint64_t sequence, std::size_t begin, std::size_t end) {
  Change change{sequence, current_.size(), {}};
  for (std::size_t index = begin / kSectorBytes; index * kSectorBytes < end; ++index) {
    Sector sector{index, std::vector<std::byte>(kSectorBytes)};
    const std::size_t from = index * kSectorBytes;
    if (from < current_.size()) {
      const std::size_t count = std::min(kSectorBytes, current_.size() - from);
      std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(from), count, sector.image.begin());
    }
    change.sectors.push_back(std::move(sector));
  }
  pending_.push_back(std::move(change));
}

void SimulatedContent::sync() {
  for (const Change& change : pending_) {
    apply(change);
  }
  pending_.clear();
}

// Puts a change onto the durable content.
void SimulatedContent::apply(const Change& change) {
  durable_.resize(std::max(change.size_bytes, durable_.size()));
  for (const Sector& sector : change.sectors) {
    const std::size_t from = sector.index * kSectorBytes;
    durable_.resize(std::max(durable_.size(), from + kSectorBytes));
    std::copy(sector.image.begin(), sector.image.end(), durable_.begin() + static_cast<std::ptrdiff_t>(from));
  }
  durable_.resize(change.size_bytes);
}

void SimulatedContent::lose_power(PowerLoss& loss) {
  switch (loss.mode) {
    case CrashMode::kKeepNone:
      break;
    case CrashMode::kKeepAll:
      sync();
      break;
    case CrashMode::kKeepPrefix:
      keep_prefix(loss);
      break;
    case CrashMode::kRandomSectors:
      keep_random_sectors(loss);
      break;
    case CrashMode::kReordered:
      keep_reordered(loss);
      break;
  }
  pending_.clear();
  current_ = durable_;
}

void SimulatedContent::keep_prefix(PowerLoss& loss) {
  for (Change& change : pending_) {
    if (change.sequence < loss.cut_sequence) {
      apply(change);
    } else if (change.sequence == loss.cut_sequence) {
      const std::size_t torn_at = loss.random.below(change.sectors.size() + 1);
      change.sectors.resize(torn_at);
      if (loss.random.chance(0.5)) {
        change.size_bytes = durable_.size();  // The data is out, the new size is not.
      }
      apply(change);
    }
  }
}

void SimulatedContent::keep_random_sectors(PowerLoss& loss) {
  std::map<std::size_t, std::vector<const Sector*>> versions;
  std::vector<std::size_t> sizes = {durable_.size()};
  for (const Change& change : pending_) {
    sizes.push_back(change.size_bytes);
    for (const Sector& sector : change.sectors) {
      versions[sector.index].push_back(&sector);
    }
  }
  Change drawn{0, sizes[loss.random.below(sizes.size())], {}};
  for (const auto& [index, images] : versions) {
    const std::size_t version = loss.random.below(images.size() + 1);
    if (version > 0) {
      drawn.sectors.push_back(*images[version - 1]);
    }
  }
  apply(drawn);
}

void SimulatedContent::keep_reordered(PowerLoss& loss) {
  // Put together as one change: cutting to one size after another would tear sectors apart, which no disk does.
  Change drawn{0, durable_.size(), {}};
  for (const Change* change : draw_reordered(pending_, loss.random)) {
    drawn.size_bytes = change->size_bytes;
    drawn.sectors.insert(drawn.sectors.end(), change->sectors.begin(), change->sectors.end());
  }
  apply(drawn);
}

void SimulatedContent::append_pending_sequences(std::vector<std::uint64_t>& out) const {
  for (const Change& change : pending_) {
    out.push_back(change.sequence);
  }
}

void SimulatedNames::change(std::uint64_t sequence, Entries entries) {
  pending_.push_back({sequence, std::move(entries)});
  apply(current_, pending_.back());
}

void SimulatedNames::apply(Map& names, const Change& change) {
  for (const auto& [name, node] : change.entries) {
    if (node) {
      names[name] = node;
    } else {
      names.erase(name);
    }
  }
}

void SimulatedNames::sync() {
  durable_ = current_;
  pending_.clear();
}

void SimulatedNames::lose_power(PowerLoss& loss) {
  switch (loss.mode) {
    case CrashMode::kKeepNone:
      break;
    case CrashMode::kKeepAll:
      durable_ = current_;
      break;
    case CrashMode::kKeepPrefix:
      for (const Change& change : pending_) {
        if (change.sequence < loss.cut_sequence) {
          apply(durable_, change);
        }
      }
      break;
    case CrashMode::kRandomSectors:
      for (const Change& change : pending_) {
        if (loss.random.chance(0.5)) {
          apply(durable_, change);
        }
      }
      break;
    case CrashMode::kReordered:
      for (const Change* change : draw_reordered(pending_, loss.random)) {
        apply(durable_, *change);
      }
      break;
  }
  pending_.clear();
  current_ = durable_;
}

void SimulatedNames::append_pending_sequences(std::vector<std::uint64_t>& out) const {
  for (const Change& change : pending_) {
    out.push_back(change.sequence);
  }
}

void SimulatedNames::append_nodes(std::vector<SimulatedNodePtr>& out) const {
  for (const Map* names : {&durable_, &current_}) {
    for (const auto& [name, node] : *names) {
      out.push_back(node);
    }
  }
  for (const Change& change : pending_) {
    for (const auto& [name, node] : change.entries) {
      if (node) {
        out.push_back(node);
      }
    }
  }
}

void lose_power(const SimulatedNodePtr& root, CrashMode mode, std::uint64_t seed) {
  // Every node that a name leads to or may lead to again, each once, in an order that depends on the names only.
  std::vector<SimulatedNodePtr> nodes = {root};
  std::unordered_set<const SimulatedNode*> seen = {root.get()};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::vector<SimulatedNodePtr> children;
    nodes[i]->names.append_nodes(children);
    for (SimulatedNodePtr& child : children) {
      if (seen.insert(child.get()).second) {
        nodes.push_back(std::move(child));
      }
    }
  }
  PowerLoss loss{mode, 0, Random(seed)};
  if (mode == CrashMode::kKeepPrefix) {
    std::vector<std::uint64_t> sequences;
    for (const SimulatedNodePtr& node : nodes) {
      node->content.append_pending_sequences(sequences);
      node->names.append_pending_sequences(sequences);
    }
    std::sort(sequences.begin(), sequences.end());
    const std::size_t cut = loss.random.below(sequences.size() + 1);
    loss.cut_sequence = cut < sequences.size() ? sequences[cut] : UINT64_MAX;
  }
  for (const SimulatedNodePtr& node : nodes) {
    node->content.lose_power(loss);
    node->names.lose_power(loss);
  }
}

}  // namespace vibrato::io

#include "overlay/merged_view.hpp"

#include <algorithm>
#include <utility>

namespace vibrato::overlay {

MergedView::MergedView(ReaderPool::Lease reader, sqlite::ReadTransaction transaction, KeyRange range)
    : reader_(std::move(reader)), transaction_(std::move(transaction)), range_(std::move(range)) {}

// The scan ends before the transaction, and that before the connection is another's.
MergedView::~MergedView() = default;

Result<std::unique_ptr<RowView>> MergedView::open(const OverlayMap& overlay, ReaderPool& pool, KeyRange range,
                                                  Lsn as_of, std::size_t rows_above_max) {
  VIBRATO_ASSIGN_OR_RETURN(ReaderPool::Lease reader, pool.take());
  std::unique_ptr<MergedView> view;
  {
    // What a save has committed by now the transaction sees; what it commits later is not let go of before the copy.
    const auto hold = overlay.hold();
    VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::ReadTransaction::begin(*reader->connection));
    VIBRATO_ASSIGN_OR_RETURN(const Lsn in_file, reader->applied_lsn());
    view.reset(new MergedView(std::move(reader), std::move(transaction), std::move(range)));
    view->as_of_ = std::max({as_of, overlay.floor(), in_file});
    if (auto end = overlay.copy(view->range_, view->as_of_, rows_above_max, view->above_); end.has_value()) {
      view->is_cut_ = true;
      view->range_.to = std::move(*end) + '\0';  // The next key there could be.
    }
  }
  VIBRATO_RETURN_IF_ERROR(view->seek(view->range_.from));
  return std::unique_ptr<RowView>(std::move(view));
}

Result<RowPtr> MergedView::get(std::string_view key) {
  if (const auto found = above_.find(key); found != above_.end()) {
    return found->second->is_deleted ? nullptr : found->second;
  }
  return reader_->find(key);
}

Status MergedView::Scan::step() {
  VIBRATO_ASSIGN_OR_RETURN(has_row, rows.next());
  key = has_row ? rows.blob_view(0) : std::string_view();
  return rows.status();
}

Status MergedView::seek(std::string_view key) {
  const std::string_view from = std::max<std::string_view>(key, range_.from);
  next_above_ = above_.lower_bound(from);
  scan_.reset();  // Its statement runs once at a time.
  scan_ = range_.to.has_value() ? std::make_unique<Scan>(reader_->scan_between, from, *range_.to)
                                : std::make_unique<Scan>(reader_->scan, from);
  return scan_->step();
}

Result<RowEntry> MergedView::take_from_file() {
  RowEntry entry{std::string(scan_->key), nullptr};
  VIBRATO_ASSIGN_OR_RETURN(entry.row, read_row(scan_->rows, 1));
  VIBRATO_RETURN_IF_ERROR(scan_->step());
  return entry;
}

Result<std::optional<RowEntry>> MergedView::next() {
  for (;;) {
    if (next_above_ == above_.end() || (scan_->has_row && scan_->key < next_above_->first)) {
      if (!scan_->has_row) {
        return std::optional<RowEntry>();
      }
      VIBRATO_ASSIGN_OR_RETURN(RowEntry entry, take_from_file());
      return std::optional(std::move(entry));
    }
    const auto above = next_above_++;
    if (scan_->has_row && scan_->key == above->first) {
      VIBRATO_RETURN_IF_ERROR(scan_->step());
    }
    if (!above->second->is_deleted) {
      return std::optional(RowEntry{above->first, above->second});
    }
  }
}

}  // namespace vibrato::overlay

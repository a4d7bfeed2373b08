#include "app/binary_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "format/npy_header.hpp"

namespace vibrato::app {
namespace {

constexpr std::size_t kRowBlockBytes = 1024 * 1024;

struct RowTable {
  std::uint64_t first_offset = 0;
  std::uint64_t rows = 0;
  std::size_t row_bytes = 0;
  std::uint32_t dim = 0;
  std::function<Status(std::span<const std::byte> row, std::span<float> out)> decode;
};

class BinaryRows final : public RowSource {
 public:
  BinaryRows(std::unique_ptr<io::File> file, RowTable table)
      : file_(std::move(file)),
        table_(std::move(table)),
        block_rows_(std::max<std::size_t>(1, kRowBlockBytes / table_.row_bytes)) {}

  Result<bool> next(InputRow& row) override {
    if (row_ == table_.rows) return false;
    const auto in_block = static_cast<std::size_t>(row_ % block_rows_);
    if (in_block == 0) VIBRATO_RETURN_IF_ERROR(read_block());
    row.vector.resize(table_.dim);
    row.meta_json.clear();
    row.id_json.clear();
    const auto bytes = std::span<const std::byte>(block_).subspan(in_block * table_.row_bytes, table_.row_bytes);
    VIBRATO_RETURN_IF_ERROR(table_.decode(bytes, row.vector));
    ++row_;
    return true;
  }

  std::optional<std::uint64_t> rows_total() const override { return table_.rows; }
  double share_done() const override {
    return table_.rows == 0 ? 1.0 : static_cast<double>(row_) / static_cast<double>(table_.rows);
  }

 private:
  Status read_block() {
    const std::uint64_t count = std::min<std::uint64_t>(block_rows_, table_.rows - row_);
    block_.resize(static_cast<std::size_t>(count) * table_.row_bytes);
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t read,
                             file_->read_at(table_.first_offset + row_ * table_.row_bytes, block_));
    // The size was checked when the file was opened: it has been cut since.
    return read == block_.size() ? ok_status() : io_error("the file became shorter while it was read");
  }

  std::unique_ptr<io::File> file_;
  RowTable table_;
  std::size_t block_rows_;
  std::vector<std::byte> block_;
  std::uint64_t row_ = 0;
};

struct Opened {
  std::unique_ptr<io::File> file;
  std::uint64_t file_bytes = 0;
  std::vector<std::byte> prefix;
};

Result<Opened> open_with_prefix(io::FileSystem& fs, const std::string& path, std::size_t prefix_bytes) {
  Opened opened;
  VIBRATO_ASSIGN_OR_RETURN(opened.file, fs.open(path, io::OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(opened.file_bytes, opened.file->size());
  opened.prefix.resize(prefix_bytes);
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t read, opened.file->read_at(0, opened.prefix));
  opened.prefix.resize(read);
  return opened;
}

}  // namespace

Result<std::unique_ptr<RowSource>> open_npy(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(Opened opened, open_with_prefix(fs, path, format::kNpyHeaderBytesMax));
  const Result<format::NpyHeader> header = format::parse_npy_header(opened.prefix, opened.file_bytes);
  if (!header.ok()) return header.status().with_context(path);
  RowTable table{header->data_offset, header->rows, header->row_bytes(), header->dim, nullptr};
  table.decode = [header = *header](std::span<const std::byte> row, std::span<float> out) {
    format::decode_npy_row(header, row, out);
    return ok_status();
  };
  return std::unique_ptr<RowSource>(std::make_unique<BinaryRows>(std::move(opened.file), std::move(table)));
}

Result<std::unique_ptr<RowSource>> open_vecs(io::FileSystem& fs, const std::string& path, format::VecsKind kind) {
  VIBRATO_ASSIGN_OR_RETURN(Opened opened, open_with_prefix(fs, path, format::kVecsRowHeaderBytes));
  const Result<format::VecsShape> shape = format::parse_vecs_shape(kind, opened.prefix, opened.file_bytes);
  if (!shape.ok()) return shape.status().with_context(path);
  RowTable table{0, shape->rows, shape->row_bytes(), shape->dim, nullptr};
  table.decode = [shape = *shape](std::span<const std::byte> row, std::span<float> out) {
    return format::decode_vecs_row(shape, row, out);
  };
  return std::unique_ptr<RowSource>(std::make_unique<BinaryRows>(std::move(opened.file), std::move(table)));
}

}  // namespace vibrato::app

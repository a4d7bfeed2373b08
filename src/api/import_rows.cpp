#include "api/import_rows.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <utility>

#include "api/json_body.hpp"
#include "api/point_fields.hpp"
#include "api/request.hpp"
#include "base/limits.hpp"
#include "format/npy_header.hpp"
#include "format/vecs.hpp"

namespace vibrato::api {
namespace {

class NdjsonRows final : public ImportRows {
 public:
  explicit NdjsonRows(TakeRow take) : take_(std::move(take)) {}

  Status take(std::string_view bytes) override {
    text_.append(bytes);
    const std::size_t size = text_.size();
    text_.append(kBodyPadding, ' ');  // What the parser reads behind the last line.
    std::size_t begin = 0;
    Status taken;
    for (std::size_t end = text_.find('\n', looked_); end < size && taken.ok(); end = text_.find('\n', begin)) {
      taken = take_line(std::string_view(text_).substr(begin, end - begin));
      begin = end + 1;
    }
    text_.resize(size);
    text_.erase(0, begin);
    looked_ = text_.size();
    VIBRATO_RETURN_IF_ERROR(taken);
    return text_.size() <= limits::kImportLineBytesMax ? ok_status() : too_long();
  }

  Status finish() override {
    const std::size_t size = text_.size();
    text_.append(kBodyPadding, ' ');
    return take_line(std::string_view(text_).substr(0, size));
  }

 private:
  [[nodiscard]] Status too_long() const {
    return {ErrorCode::kPayloadTooLarge,
            fmt::format("line {}: is longer than {} bytes", line_ + 1, limits::kImportLineBytesMax)};
  }

  Status take_line(std::string_view line) {
    if (line.size() > limits::kImportLineBytesMax) {
      return too_long();
    }
    ++line_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      return ok_status();
    }
    const auto read = [this](simdjson::dom::object object) -> Status {
      PointFields fields;
      VIBRATO_RETURN_IF_ERROR(fields.collect(object));
      point_.meta_json.clear();
      return fields.read(point_);
    };
    Status status = read_json_object(line, read);
    if (status.ok()) {
      status = take_(point_);
    }
    return status.ok() ? status : status.with_context(fmt::format("line {}", line_));
  }

  const TakeRow take_;
  std::string text_;          // Of lines that are not taken.
  std::size_t looked_ = 0;    // Bytes of it without a line's end.
  std::uint64_t line_ = 0;    // Taken.
  vector::PointInput point_;  // Reused for its memory.
};

class BinaryRows final : public ImportRows {
 public:
  BinaryRows(std::uint64_t first_id, TakeRow take) : first_id_(first_id), take_(std::move(take)) {}

  Status take(std::string_view bytes) override {
    bytes_.append(bytes);
    if (row_bytes_ == 0) {
      VIBRATO_RETURN_IF_ERROR(begin());
    }
    std::size_t at = 0;
    while (row_bytes_ != 0 && bytes_.size() - at >= row_bytes_) {
      const std::string_view row = std::string_view(bytes_).substr(at, row_bytes_);
      if (const Status taken = take_row(std::as_bytes(std::span(row.data(), row.size()))); !taken.ok()) {
        return taken.with_context(fmt::format("row {}", rows_ + 1));
      }
      ++rows_;
      at += row_bytes_;
    }
    bytes_.erase(0, at);
    return ok_status();
  }

  Status finish() override {
    if (!bytes_.empty()) {
      return row_bytes_ == 0 ? invalid_argument("the body ends inside its first header")
                             : invalid_argument(fmt::format("row {}: the body ends inside of it", rows_ + 1));
    }
    if (npy_ && rows_ < npy_->rows) {
      return invalid_argument(
          fmt::format("the body ends behind row {}; the shape of the array says {} rows", rows_, npy_->rows));
    }
    return ok_status();
  }

 private:
  static constexpr std::string_view kNpyMagic = "\x93NUMPY";
  static constexpr std::size_t kNpyFixedBytes = 12;  // Magic, version, and the longer length of the header.

  // The header, once it is there.
  Status begin() {
    const std::string_view magic = std::string_view(bytes_).substr(0, kNpyMagic.size());
    if (magic.empty() || (kNpyMagic.starts_with(magic) && bytes_.size() < kNpyFixedBytes)) {
      return ok_status();
    }
    return magic == kNpyMagic ? begin_npy() : begin_fvecs();
  }

  Status begin_npy() {
    const auto byte = [this](std::size_t at) { return std::size_t{static_cast<unsigned char>(bytes_[at])}; };
    const bool is_short = byte(6) == 1;
    const std::size_t length = byte(8) | byte(9) << 8 | (is_short ? 0 : byte(10) << 16 | byte(11) << 24);
    const std::size_t header_bytes = (is_short ? 10 : kNpyFixedBytes) + length;
    if (header_bytes <= format::kNpyHeaderBytesMax && bytes_.size() < header_bytes) {
      return ok_status();
    }
    VIBRATO_ASSIGN_OR_RETURN(npy_, format::parse_npy_header(std::as_bytes(std::span(bytes_.data(), bytes_.size())),
                                                            format::kUnknownFileBytes));
    row_bytes_ = npy_->row_bytes();
    point_.vector.resize(npy_->dim);
    bytes_.erase(0, static_cast<std::size_t>(npy_->data_offset));
    return ok_status();
  }

  Status begin_fvecs() {
    if (bytes_.size() < format::kVecsRowHeaderBytes) {
      return ok_status();
    }
    // Its rows are counted as they come: the shape is that of a file of one.
    const auto prefix = std::as_bytes(std::span(bytes_.data(), bytes_.size()));
    std::int32_t dim = 0;
    std::copy_n(bytes_.data(), sizeof(dim), reinterpret_cast<char*>(&dim));
    const std::uint64_t one_row = format::kVecsRowHeaderBytes + std::uint64_t{4} * static_cast<std::uint32_t>(dim);
    VIBRATO_ASSIGN_OR_RETURN(fvecs_, format::parse_vecs_shape(format::VecsKind::kFvecs, prefix, one_row));
    row_bytes_ = fvecs_.row_bytes();
    point_.vector.resize(fvecs_.dim);
    return ok_status();
  }

  Status take_row(std::span<const std::byte> row) {
    if (npy_) {
      if (rows_ == npy_->rows) {
        return invalid_argument("comes behind the last row that the shape of the array has");
      }
      format::decode_npy_row(*npy_, row, point_.vector);
    } else {
      VIBRATO_RETURN_IF_ERROR(format::decode_vecs_row(fvecs_, row, point_.vector));
    }
    if (rows_ > limits_of_ids()) {
      return invalid_argument("its id is past 18446744073709551615");
    }
    point_.id = PointId(first_id_ + rows_);
    return take_(point_);
  }
  [[nodiscard]] std::uint64_t limits_of_ids() const { return ~first_id_; }

  const std::uint64_t first_id_;
  const TakeRow take_;
  std::string bytes_;          // Not taken yet.
  std::size_t row_bytes_ = 0;  // 0: the header is not there yet.
  std::optional<format::NpyHeader> npy_;
  format::VecsShape fvecs_;
  std::uint64_t rows_ = 0;  // Taken.
  vector::PointInput point_;
};

}  // namespace

std::unique_ptr<ImportRows> read_ndjson_rows(TakeRow take) {
  return std::make_unique<NdjsonRows>(std::move(take));
}

std::unique_ptr<ImportRows> read_binary_rows(std::uint64_t first_id, TakeRow take) {
  return std::make_unique<BinaryRows>(first_id, std::move(take));
}

}  // namespace vibrato::api

#include "store/vdb_rewrite.hpp"

#include <algorithm>
#include <array>
#include <vibrato/check.hpp>

namespace vibrato::store {

using format::SectionEntry;
using format::SectionKind;

namespace {

bool replaces(std::span<const NewSection> sections, SectionKind kind) {
  return std::any_of(sections.begin(), sections.end(),
                     [kind](const NewSection& section) { return section.kind == kind; });
}

Status copy_old_sections(const VdbFile& source, VdbWriter& writer, std::span<const NewSection> sections,
                         std::span<const SectionKind> dropped) {
  for (const SectionEntry& entry : source.layout().sections) {
    const auto kind = static_cast<SectionKind>(entry.kind);
    if (replaces(sections, kind) || std::find(dropped.begin(), dropped.end(), kind) != dropped.end()) {
      continue;
    }
    VIBRATO_RETURN_IF_ERROR(source.check_section(kind));
    VIBRATO_RETURN_IF_ERROR(write_section(writer, section_of(kind, source.section(kind).value(), entry.alignment)));
  }
  return ok_status();
}

VdbWriterOptions options_of(const VdbFile& source) {
  VdbWriterOptions options;
  options.dim = source.dim();
  options.metric = source.metric();
  options.first_lsn = source.layout().first_lsn;
  options.last_lsn = source.layout().last_lsn;
  return options;
}

}  // namespace

Status copy_with_sections(io::FileSystem& fs, const VdbFile& source, const std::string& target,
                          std::span<const NewSection> sections, std::span<const SectionKind> dropped) {
  for (const NewSection& section : sections) {
    VIBRATO_CHECK(section.kind != SectionKind::kVectors && section.kind != SectionKind::kMeta &&
                  section.kind != SectionKind::kMetaOffsets);
  }
  const VdbWriterOptions options = options_of(source);
  if (source.version() != format::kVdbVersion) {
    VIBRATO_ASSIGN_OR_RETURN(const auto converted, VdbRowWriter::create(fs, target, options));
    VIBRATO_RETURN_IF_ERROR(converted->add_all(source));
    return converted->commit(sections);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto writer, VdbWriter::create(fs, target, options));
  if (!source.has_vectors()) {
    writer->set_rows_without_vectors(source.rows());
  }
  VIBRATO_RETURN_IF_ERROR(copy_old_sections(source, *writer, sections, dropped));
  for (const NewSection& section : sections) {
    VIBRATO_RETURN_IF_ERROR(write_section(*writer, section));
  }
  return writer->commit();
}

Result<std::unique_ptr<VdbWriter>> copy_without_vectors(io::FileSystem& fs, const VdbFile& source,
                                                        const std::string& target,
                                                        const std::function<void(std::uint64_t bytes)>& before_write) {
  VIBRATO_CHECK(source.version() == format::kVdbVersion);
  VdbWriterOptions options = options_of(source);
  options.before_write = before_write;
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<VdbWriter> writer, VdbWriter::create(fs, target, options));
  writer->set_rows_without_vectors(source.rows());
  VIBRATO_RETURN_IF_ERROR(write_section(*writer, section_of(SectionKind::kVectors, std::span<const std::byte>())));
  constexpr std::array kLeftOut = {SectionKind::kVectors, SectionKind::kInverseNorms};
  VIBRATO_RETURN_IF_ERROR(copy_old_sections(source, *writer, {}, kLeftOut));
  return writer;
}

}  // namespace vibrato::store

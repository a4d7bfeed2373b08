#include "vector/graph_file.hpp"

#include <vector>

#include "format/codes.hpp"
#include "format/graph.hpp"
#include "store/vdb_rewrite.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;
using store::NewSection;

// Sections read at random start on a page; large ones where a huge page may start.
constexpr std::uint32_t kPageAlignment = 4096;
constexpr std::uint32_t kHugePageAlignment = 2 * 1024 * 1024;
constexpr std::uint64_t kHugeSectionBytes = 32ull * 1024 * 1024;

std::uint32_t alignment_for(std::uint64_t section_bytes) {
  return section_bytes >= kHugeSectionBytes ? kHugePageAlignment : kPageAlignment;
}

void describe(const quant::ProductQuantizer& quantizer, format::QuantizerDescription& description) {
  const quant::ProductCodebook& codebook = quantizer.codebook();
  description.code_kind = format::kProductCodeKind;
  description.code_bytes = quantizer.layout().code_bytes;
  description.stride_bytes = quantizer.layout().code_bytes;
  description.rotation_seed = codebook.rotation_seed.value_or(0);
  description.centre = codebook.centre;
  description.product = {codebook.rotation_seed.has_value(), codebook.mean_error, codebook.bias, codebook.error_scale,
                         codebook.centroids};
}

format::QuantizerDescription describe(const store::VdbFile& rows, const BuiltIndex& index) {
  format::QuantizerDescription description;
  description.metric = rows.metric();
  description.dim = rows.dim();
  description.norm_max = index.norm_max;
  if (index.quantizer != nullptr) {
    const quant::CodeLayout& layout = index.quantizer->layout();
    description.code_kind = static_cast<std::uint32_t>(layout.kind);
    description.code_bytes = layout.code_bytes;
    description.stride_bytes = layout.stride_bytes;
    description.rotation_seed = index.quantizer->rotation_seed();
    description.centre.assign(index.quantizer->centre().begin(), index.quantizer->centre().end());
  } else if (index.product != nullptr) {
    describe(*index.product, description);
  }
  return description;
}

NewSection graph_section(const format::GraphView& view) {
  const auto write = [view](store::VdbWriter& writer) {
    format::GraphHeader header;
    for (const auto part : format::graph_section_parts(view, header)) {
      VIBRATO_RETURN_IF_ERROR(writer.append(part));
    }
    return ok_status();
  };
  return {SectionKind::kGraph, write, alignment_for(std::uint64_t{view.row_count} * view.m0 * sizeof(std::uint32_t))};
}

}  // namespace

std::vector<NewSection> index_sections(const store::VdbFile& rows, const BuiltIndex& index,
                                       const format::GraphView* graph) {
  std::vector<NewSection> sections;
  const auto quantizer = [bytes = format::write_quantizer_section(describe(rows, index))](store::VdbWriter& writer) {
    return writer.append(bytes);
  };
  sections.push_back({SectionKind::kQuantizer, quantizer});
  if (index.codes) {
    const auto bytes = index.codes->bytes(rows.rows());
    sections.push_back(store::section_of(SectionKind::kCodes, bytes, alignment_for(bytes.size())));
  }
  if (index.product_codes) {
    const auto bytes = index.product_codes->bytes();
    sections.push_back(store::section_of(SectionKind::kCodes, bytes, alignment_for(bytes.size())));
  }
  if (graph != nullptr) {
    sections.push_back(graph_section(*graph));
  }
  const auto info = [text = build_info_json(index.info)](store::VdbWriter& writer) {
    return writer.append(std::as_bytes(std::span(text.data(), text.size())));
  };
  sections.push_back({SectionKind::kBuildInfo, info});
  return sections;
}

Status store_index(io::FileSystem& fs, const store::VdbFile& rows, const BuiltIndex& index, const std::string& target) {
  std::vector<NewSection> sections;
  // Conversion of older versions writes the norms by itself.
  if (!index.inverse_norms.empty() && rows.version() == format::kVdbVersion) {
    sections.push_back(store::section_of(SectionKind::kInverseNorms, std::as_bytes(std::span(index.inverse_norms))));
  }
  const format::GraphView graph = index.graph->view(rows.rows());
  std::vector<NewSection> of_index = index_sections(rows, index, &graph);
  sections.insert(sections.end(), of_index.begin(), of_index.end());
  std::vector<SectionKind> dropped = {SectionKind::kCalibration};  // Of the graph that is replaced.
  if (!index.codes && !index.product_codes) {
    dropped.push_back(SectionKind::kCodes);  // What an earlier index left behind does not fit the new one.
  }
  return store::copy_with_sections(fs, rows, target, sections, dropped);
}

Result<GraphBuildReport> build_graph_file(io::FileSystem& fs, const std::string& path, const GraphBuildOptions& options,
                                          const BuildProgress& progress, const BeforeStore& before_store) {
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> rows, store::VdbFile::open(fs, path));
  VIBRATO_ASSIGN_OR_RETURN(const BuiltIndex index, build_index(*rows, options, progress));
  if (before_store) {
    VIBRATO_RETURN_IF_ERROR(before_store());
  }
  VIBRATO_RETURN_IF_ERROR(store_index(fs, *rows, index, path));
  GraphBuildReport report;
  report.rows = rows->rows();
  report.layers = rows->rows() == 0 ? 0 : index.graph->entry().level + 1;
  report.info = index.info;
  return report;
}

}  // namespace vibrato::vector

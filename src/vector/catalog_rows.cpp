#include "vector/catalog_rows.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vibrato::vector {

using ParamsJson = nlohmann::ordered_json;

catalog::Collection catalog_row(const CollectionIdentity& identity) {
  const CollectionSettings& settings = identity.settings;
  ParamsJson params = ParamsJson::object();
  if (settings.index == IndexKind::kHnsw) {
    params["m"] = settings.m;
    params["ef_construction"] = settings.ef_construction;
  }
  catalog::Collection row;
  row.number = identity.number;
  row.name = identity.name;
  row.dim = settings.dim;
  row.metric = settings.metric;
  row.index_kind = to_string(settings.index);
  row.index_params = params.dump();
  row.quantization = to_string(settings.quantization);
  if (settings.archive) {
    row.archive_keep_raw = settings.archive->keep_raw;
  }
  row.created_at_ms = identity.created_at_ms;
  row.created_lsn = identity.created_lsn;
  return row;
}

// By way of the JSON of the settings, so that there is one parser and one set of checks for both.
Result<CollectionIdentity> identity_of(const catalog::Collection& row) {
  const CollectionSettings defaults;
  ParamsJson json = ParamsJson::parse(row.index_params, nullptr, false);
  if (!json.is_object()) {
    return corruption(fmt::format("catalog: collection {}: index_params: expected a JSON object", row.name));
  }
  json["dim"] = row.dim;
  json["metric"] = to_string(row.metric);
  json["index"] = row.index_kind;
  json["quantization"] = row.quantization;
  json["archive"] = row.archive_keep_raw ? ParamsJson({{"keep_raw", *row.archive_keep_raw}}) : ParamsJson();
  json.emplace("m", defaults.m);
  json.emplace("ef_construction", defaults.ef_construction);
  auto settings = parse_settings(json.dump());
  if (!settings.ok()) {
    return settings.status().with_context("catalog: collection " + row.name);
  }
  return CollectionIdentity{row.number, row.name, *settings, row.created_at_ms, row.created_lsn};
}

// The number is that of now, which may know of puts above `lsn`: they are replayed, and raise it no further.
Status save_applied(catalog::Tables& tables, const Collection& collection, Lsn lsn) {
  const CollectionNumber number = collection.identity().number;
  VIBRATO_RETURN_IF_ERROR(tables.collections.set_next_point_number(number, collection.next_point_number()));
  return tables.applied.set(kModelName, number, lsn);
}

}  // namespace vibrato::vector

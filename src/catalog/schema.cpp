// The steps of the schema. Append new ones at the end; released ones stay as they are, comments included.
#include <array>

#include "catalog/migrations.hpp"

namespace vibrato::catalog {
namespace {

constexpr Migration kCollectionsAndSegments = {"collections and segments", R"sql(
CREATE TABLE store (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  id BLOB NOT NULL CHECK (length(id) = 16),
  format_version INTEGER NOT NULL CHECK (format_version >= 1),
  created_at_ms INTEGER NOT NULL,
  clean_stop INTEGER NOT NULL CHECK (clean_stop IN (0, 1)),
  trim_lsn INTEGER NOT NULL CHECK (trim_lsn >= 0),
  collection_number_max INTEGER NOT NULL CHECK (collection_number_max >= 0)
) STRICT;

CREATE TABLE collections (
  number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  dim INTEGER NOT NULL CHECK (dim >= 1),
  metric TEXT NOT NULL CHECK (metric IN ('cosine', 'dot', 'l2')),
  index_kind TEXT NOT NULL,
  index_params TEXT NOT NULL,
  quantization TEXT NOT NULL,
  archive_keep_raw INTEGER CHECK (archive_keep_raw IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  created_lsn INTEGER NOT NULL CHECK (created_lsn >= 0),
  dropped_lsn INTEGER CHECK (dropped_lsn >= created_lsn)
) STRICT;
CREATE UNIQUE INDEX live_collection_names ON collections (name) WHERE dropped_lsn IS NULL;

CREATE TABLE segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  collection INTEGER NOT NULL REFERENCES collections (number),
  file TEXT NOT NULL,
  part INTEGER NOT NULL CHECK (part >= 0),
  level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 2),
  state TEXT NOT NULL CHECK (state IN ('live', 'damaged')),
  row_count INTEGER NOT NULL CHECK (row_count >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  first_lsn INTEGER NOT NULL CHECK (first_lsn >= 0),
  last_lsn INTEGER NOT NULL CHECK (last_lsn >= first_lsn),
  UNIQUE (file, part)
) STRICT;
CREATE INDEX segments_of_collection ON segments (collection, first_lsn);

CREATE TABLE delete_bitmaps (
  segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
  lsn INTEGER NOT NULL CHECK (lsn >= 0),
  deleted_count INTEGER NOT NULL CHECK (deleted_count >= 0),
  crc32c INTEGER NOT NULL,
  bitmap BLOB NOT NULL
) STRICT;

CREATE TABLE applied_lsns (
  model TEXT NOT NULL,
  collection INTEGER NOT NULL,
  lsn INTEGER NOT NULL CHECK (lsn >= 0),
  PRIMARY KEY (model, collection)
) STRICT, WITHOUT ROWID;
)sql"};

constexpr Migration kKeysAndAudit = {"keys and audit", R"sql(
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  roles INTEGER NOT NULL CHECK (roles BETWEEN 1 AND 7),
  collections TEXT,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER
) STRICT;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  client TEXT NOT NULL,
  action TEXT NOT NULL,
  status INTEGER NOT NULL,
  details TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit rows are never changed');
END;
)sql"};

constexpr Migration kJobsAndSnapshots = {"jobs and snapshots", R"sql(
CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'completed', 'failed', 'interrupted')),
  started_at_ms INTEGER NOT NULL,
  finished_at_ms INTEGER,
  details TEXT NOT NULL,
  error TEXT
) STRICT;

CREATE TABLE snapshots (
  name TEXT PRIMARY KEY,
  folder TEXT NOT NULL UNIQUE,
  lsn INTEGER NOT NULL CHECK (lsn >= 0),
  created_at_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
CREATE INDEX snapshots_by_lsn ON snapshots (lsn);
)sql"};

constexpr Migration kIdempotencyKeys = {"idempotency keys", R"sql(
CREATE TABLE idempotency_keys (
  lsn INTEGER PRIMARY KEY CHECK (lsn >= 1),
  at_ms INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key BLOB NOT NULL,
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  status INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
  answer TEXT NOT NULL
) STRICT;
)sql"};

constexpr Migration kPointNumbers = {"point numbers", R"sql(
CREATE TABLE point_numbers (
  collection INTEGER PRIMARY KEY REFERENCES collections (number) ON DELETE CASCADE,
  next INTEGER NOT NULL
) STRICT;
)sql"};

constexpr Migration kDamageReasons = {"why segments are damaged", R"sql(
ALTER TABLE segments ADD COLUMN damage TEXT;
)sql"};

constexpr Migration kCommitCount = {"commit count", R"sql(
ALTER TABLE store ADD COLUMN commits INTEGER NOT NULL DEFAULT 0 CHECK (commits >= 0);
)sql"};

constexpr Migration kCollectionNames = {"names of collections", R"sql(
CREATE TABLE collection_names (
  number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  dropped_lsn INTEGER CHECK (dropped_lsn >= 0)
) STRICT;
INSERT INTO collection_names SELECT number, name, dropped_lsn FROM collections;
)sql"};

constexpr Migration kFileNumbers = {"numbers of files", R"sql(
ALTER TABLE store ADD COLUMN file_number_max INTEGER NOT NULL DEFAULT 0 CHECK (file_number_max >= 0);
)sql"};

constexpr std::array kMigrations = {
    kCollectionsAndSegments, kKeysAndAudit, kJobsAndSnapshots, kIdempotencyKeys, kPointNumbers,
    kDamageReasons,          kCommitCount,  kCollectionNames,  kFileNumbers};

}  // namespace

std::span<const Migration> all_migrations() {
  return kMigrations;
}

}  // namespace vibrato::catalog

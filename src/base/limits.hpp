// Every cap of vibratod in one place. Each is tested at n-1, n and n+1 where it is enforced. Hard maxima (`*_max`)
// cannot be raised; defaults can, by flag, up to the maximum beside them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vibrato::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// Vectors and searches.
inline constexpr std::uint32_t kDimDefaultMax = 4096;
inline constexpr std::uint32_t kDimMax = 16384;
inline constexpr std::uint32_t kSearchKDefaultMax = 1000;
inline constexpr std::uint32_t kSearchKMax = 10000;
inline constexpr std::uint32_t kEfMax = 4096;
inline constexpr std::uint32_t kBatchItemsMax = 10000;
inline constexpr std::uint32_t kBatchSearchesMax = 256;
inline constexpr std::size_t kMetaBytesMax = 1 * kMiB;        // Of one vector, as JSON text.
inline constexpr std::size_t kTailMetaBytesMax = 256 * kMiB;  // Of all vectors that a served file has in memory only.

// Ids, as text, and names of collections (io::is_safe_name allows the same).
inline constexpr std::size_t kPointIdBytesMax = 256;
inline constexpr std::size_t kCollectionNameBytesMax = 64;
inline constexpr std::size_t kCollectionsMax = 65'536;  // Of one database.

// Filters.
inline constexpr std::size_t kFilterNodesMax = 256;      // Conditions and groups of one filter.
inline constexpr std::size_t kFilterValuesMax = 10'000;  // Values and ids that it names, in all.
inline constexpr std::size_t kFilterKeyBytesMax = 1024;  // A dotted path.

// Meta indexes, of one segment. What is past them is answered by reading the meta of the rows in question.
inline constexpr std::uint32_t kMetaFieldsMax = 1024;
inline constexpr std::uint32_t kMetaStringsMax = 4'000'000;  // Distinct ones under one key.
inline constexpr std::size_t kMetaIndexedStringMax = 256;    // Bytes.

// Evaluated filters that are kept for the next request.
inline constexpr std::size_t kFilterCacheBytesMax = 64 * kMiB;  // Of all segments of a process.

// Facets.
inline constexpr std::size_t kFacetBytesMax = 256 * kMiB;  // Of the different values that one request counts.

// Graph building.
inline constexpr std::uint32_t kGraphMMin = 2;
inline constexpr std::uint32_t kGraphMMax = 128;
inline constexpr std::uint32_t kEfConstructionMax = 4096;
inline constexpr std::uint32_t kRowsPerSegmentMax = 0x7fffffff;
inline constexpr std::uint32_t kHotRowsMax =
    10'000'000;  // Of one hot segment: its locks and levels are laid out at once.

// HTTP.
inline constexpr std::size_t kBodyBytesDefault = 32 * kMiB;
inline constexpr std::size_t kHeaderBytesMax = 8 * kKiB;
inline constexpr std::size_t kBodyBytesInFlightMax = 256 * kMiB;
inline constexpr std::size_t kJsonDepthMax = 32;
inline constexpr std::uint32_t kConnectionsMax = 1024;
inline constexpr std::uint32_t kRequestTimeoutMs = 30'000;
inline constexpr std::uint32_t kKeepAliveIdleMs = 75'000;
inline constexpr std::size_t kRequestIdBytesMax = 128;

// Streams. Of a body between a socket and its reader, and of an answer that is made at a time.
inline constexpr std::size_t kStreamBufferBytes = 512 * kKiB;
inline constexpr std::size_t kStreamPieceBytes = 256 * kKiB;
inline constexpr std::uint32_t kExportsMax = 8;               // At a time.
inline constexpr std::uint32_t kImportsMax = 4;               // At a time; one of a collection.
inline constexpr std::size_t kImportLineBytesMax = 4 * kMiB;  // Of ndjson.
inline constexpr std::size_t kImportFilesMax = 4096;          // That one import makes.

// State and documents.
inline constexpr std::size_t kStateKeyBytesMax = 512;
inline constexpr std::size_t kStateValueBytesMax = 1 * kMiB;  // As JSON text; of a document too.
inline constexpr std::size_t kDocumentIdBytesMax = 256;
inline constexpr std::uint32_t kPageItemsMax = 1000;      // Of a list of state, or of documents found.
inline constexpr std::size_t kDocumentIndexesMax = 64;    // Of one collection of documents.
inline constexpr std::size_t kSortKeysMax = 8;            // Of one find.
inline constexpr std::size_t kSortBytesMax = 64 * kMiB;   // Of the values that one find sorts by, of a page.
inline constexpr std::size_t kIndexedTextBytesMax = 256;  // Of a string, in an index of documents.
inline constexpr std::size_t kIndexedElementsMax = 1000;  // Of an array, in an index of documents.
inline constexpr std::size_t kUnwrittenBytesMax =
    256 * kMiB;  // Of what a model holds and has not yet written to its file.

// SQL.
inline constexpr std::uint32_t kSqlRowsMax = 10'000;
inline constexpr std::size_t kSqlAnswerBytesMax = 16 * kMiB;
inline constexpr std::size_t kSqlRequestBytesMax = 64 * kKiB;  // Of the statement of a request; values go as params.
inline constexpr std::size_t kSqlTextBytesMax = 1 * kMiB;      // Of one in the log: requests had this cap before.
inline constexpr std::size_t kSqlNameBytesMax = 1 * kMiB;      // Of the names of all columns of an answer.
inline constexpr std::size_t kSqlParametersMax = 1000;
inline constexpr std::size_t kSqlParameterBytesMax = 8 * kMiB;  // Of one statement, as JSON text.
inline constexpr std::size_t kSqlValueBytesMax = 4 * kMiB;      // Of one value or row.
inline constexpr std::int64_t kSqlExecMsMax = 5000;             // Of one statement that writes.
inline constexpr std::size_t kSqlMemoryBytesMax = 256 * kMiB;   // That one statement may take.
inline constexpr std::size_t kSqlMissedBytesMax = 256 * kMiB;   // Of records kept while the file fails.
inline constexpr std::int64_t kSqlEntriesMax = 5000;            // Tables, indexes, views and triggers, of the database.
inline constexpr std::int64_t kSqlViewsMax = 200;               // Of them; views of views are opened up in each other.
inline constexpr std::int64_t kSqlTriggersMax = 500;            // Of them.

// Events.
inline constexpr std::uint32_t kSubscribersMax = 1000;
inline constexpr std::size_t kSubscriberBytesMax = 512 * kKiB;  // On their way to one of them; one event may be longer.
inline constexpr std::size_t kEventRingBytesMax = 64 * kMiB;    // Past it streams read from the log.
inline constexpr std::size_t kEventTypeBytesMax = 64;
inline constexpr std::size_t kEventTypesMax = 64;  // That one stream asks for.
inline constexpr std::uint32_t kHeartbeatMs = 15'000;

// Idempotency keys. Past the last two the oldest are forgotten.
inline constexpr std::size_t kIdempotencyKeyBytesMax = 256;
inline constexpr std::size_t kIdempotencyScopeBytesMax = 64;
inline constexpr std::size_t kIdempotencyAnswerBytesMax = 8 * kMiB;
inline constexpr std::size_t kIdempotencyKeysMax = 1'000'000;
inline constexpr std::size_t kIdempotencyBytesMax = 256 * kMiB;  // Of all that are remembered, in memory.

// Keys.
inline constexpr std::size_t kKeysMax = 10'000;         // Unrevoked ones.
inline constexpr std::size_t kKeyCollectionsMax = 256;  // That one key is limited to.
inline constexpr std::size_t kVerifiedKeysMax = 4096;   // Kept in memory after their first request.

// Snapshots.
inline constexpr std::size_t kSnapshotFilesMax = 100'000;
inline constexpr std::size_t kManifestBytesMax = 32 * kMiB;  // As JSON text: some 150 bytes a file.

static_assert(kDimDefaultMax <= kDimMax);
static_assert(kSearchKDefaultMax <= kSearchKMax);

}  // namespace vibrato::limits

// SQLite's result codes as error codes of our own. Used by the connection only. Pure.
//
//   SQLITE_FULL                     kDiskFull
//   SQLITE_CORRUPT, SQLITE_NOTADB   kCorruption
//   SQLITE_BUSY, SQLITE_LOCKED      kConflict: another connection is in the way
//   SQLITE_INTERRUPT                kTimeout: past the time limit
//   SQLITE_CONSTRAINT: unique       kAlreadyExists
//   SQLITE_CONSTRAINT: others       kInvalidArgument
//   SQLITE_TOOBIG                   kPayloadTooLarge
//   SQLITE_ERROR, MISMATCH, READONLY, AUTH   kInvalidArgument: the statement, not the disk
//   SQLITE_IOERR, SQLITE_CANTOPEN   kIoError, or what the failed call of the file system says
//   others                          kInternal
#pragma once

#include <vibrato/status.hpp>

namespace vibrato::sqlite {

// Requires: `code` is an (extended) error code, not SQLITE_OK, SQLITE_ROW or SQLITE_DONE.
[[nodiscard]] ErrorCode error_code_of(int code);

// Whether the failed call of the file system tells more than `code`.
[[nodiscard]] bool is_caused_by_io(int code);

}  // namespace vibrato::sqlite

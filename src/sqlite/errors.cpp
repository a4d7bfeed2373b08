#include "sqlite/errors.hpp"

#include <sqlite3.h>

namespace vibrato::sqlite {

ErrorCode error_code_of(int code) {
  if (code == SQLITE_IOERR_SHORT_READ) {
    return ErrorCode::kCorruption;  // The file is shorter than it says.
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kDiskFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorruption;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kConflict;
    case SQLITE_INTERRUPT:
      return ErrorCode::kTimeout;
    case SQLITE_CONSTRAINT:
      return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID
                 ? ErrorCode::kAlreadyExists
                 : ErrorCode::kInvalidArgument;
    case SQLITE_TOOBIG:
      return ErrorCode::kPayloadTooLarge;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kInvalidArgument;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return ErrorCode::kIoError;
    default:
      return ErrorCode::kInternal;
  }
}

bool is_caused_by_io(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
}

}  // namespace vibrato::sqlite

// The hook through which auth and the admin routes leave a trace: who did what, with which outcome. The engine writes
// it to the catalog; a reader route shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vibrato/status.hpp>

namespace vibrato::auth {

struct AuditEvent {
  std::int64_t time_ms = 0;
  // A key id; "cli" or "bootstrap" for what no key asked for. Of a denial, the id that was presented, which need not be
  // proven; empty if there was none.
  std::string actor;
  std::string client;  // Its network address; empty for the command line.
  std::string action;  // "keys.create", "keys.revoke", "keys.list", or the pattern of the route that was denied.
  std::string target;  // What it was done to, such as a key id; empty if nothing was found or made.
  ErrorCode outcome = ErrorCode::kOk;
  std::string detail;      // Never a secret, never text of the client that was not validated.
  std::string request_id;  // Empty for the command line.
};

// Thread-safety: all methods may be called from many threads at once.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // Called after the outcome is known, before it is answered. It has no way to fail the request: an implementation
  // bounds what a flood of denials may cost, and counts what it could not keep.
  virtual void record(const AuditEvent& event) = 0;
};

}  // namespace vibrato::auth

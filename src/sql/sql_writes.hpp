// The write of the SQL model, for Sequencer::submit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/write.hpp"
#include "sql/sql_model.hpp"

namespace vibrato::sql {

struct ExecInput {
  std::string statement;
  std::string parameters_json = "[]";  // A JSON array of null, bools, numbers and strings, as text.
  std::int64_t deadline_ns = 0;        // Of the request, on the clock's monotonic time.
};

// null, true and false as 1 and 0, whole numbers that fit 64 bits signed, other numbers as reals, strings.
// Errors: kInvalidArgument, naming the parameter; kPayloadTooLarge past limits::kSqlParameterBytesMax.
[[nodiscard]] Result<std::vector<sqlite::SqlValue>> parse_parameters(std::string_view json);
// Errors: kInvalidArgument (empty, a NUL character), kPayloadTooLarge past limits::kSqlRequestBytesMax.
[[nodiscard]] Status check_statement(std::string_view statement);

// Errors of the maker: as check_statement() and parse_parameters(); of validate: as SqlModel::run().
// `outcome` is set before the completion is called.
[[nodiscard]] Result<std::unique_ptr<commit::Write>> make_exec(SqlModel& model, ExecInput input,
                                                               std::shared_ptr<ExecOutcome> outcome);

}  // namespace vibrato::sql

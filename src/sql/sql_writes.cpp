#include "sql/sql_writes.hpp"

#include <utility>

#include "format/sql_record.hpp"

namespace vibrato::sql {
namespace {

class ExecWrite final : public commit::Write {
 public:
  ExecWrite(SqlModel& model, ExecInput input, std::vector<sqlite::SqlValue> parameters,
            std::shared_ptr<ExecOutcome> outcome)
      : model_(model), input_(std::move(input)), parameters_(std::move(parameters)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const std::uint64_t seed = model_.make_seed();
    const ExecRun run{effects.next_lsn(), effects.time_ms(), seed, input_.deadline_ns};
    VIBRATO_ASSIGN_OR_RETURN(*outcome_, model_.run(input_.statement, parameters_, run));
    effects.add(format::kSqlExecutedRecord, CollectionNumber(),
                format::encode_sql_record(
                    {input_.statement, input_.parameters_json, effects.time_ms(), seed, outcome_->rows_affected}));
    return ok_status();
  }

  [[nodiscard]] std::uint64_t bytes() const override {
    // The parameters are there as text and as values.
    return input_.statement.size() + 2 * input_.parameters_json.size() + sizeof(*this);
  }

 private:
  SqlModel& model_;
  const ExecInput input_;
  const std::vector<sqlite::SqlValue> parameters_;
  const std::shared_ptr<ExecOutcome> outcome_;
};

}  // namespace

Result<std::unique_ptr<commit::Write>> make_exec(SqlModel& model, ExecInput input,
                                                 std::shared_ptr<ExecOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_statement(input.statement));
  VIBRATO_ASSIGN_OR_RETURN(auto parameters, parse_parameters(input.parameters_json));
  return std::unique_ptr<commit::Write>(
      std::make_unique<ExecWrite>(model, std::move(input), std::move(parameters), std::move(outcome)));
}

}  // namespace vibrato::sql

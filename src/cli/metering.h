// The meter as commands open it: where this user's calibration and ledger are, and what an answer's energy looks like in a
// line. Main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meter/ledger.h"
#include "meter/meter.h"
#include "meter/sources_seen.h"

namespace sobre {

/// calibration.json and ledger.db in the state folder; empty when there is no home.
[[nodiscard]] std::string default_calibration_path();
[[nodiscard]] std::string default_ledger_path();

struct OpenedMeter {
  std::unique_ptr<Meter> meter;
  std::vector<SourceSeen> seen;  // every method, best first
};

/// `method`: "auto" or one by name; `calibration_path` empty: the default one. Errors: a method that cannot be had.
[[nodiscard]] Result<OpenedMeter> open_meter(const std::string& method = "auto", const std::string& calibration_path = "");

/// What answers of one program cost, one after another. Without a source it says nothing.
class AnswerMeter {
 public:
  AnswerMeter();
  void begin();
  /// Ends what begin() began, for end_in_ledger() to write later: what is done in between is not counted.
  void stop();
  /// "1.9 J (0.6 to 5.7), 0.1 J/token by estimate-cores"; empty when there is no source.
  [[nodiscard]] std::string end(int64_t tokens);
  /// The same, with a row in the user's ledger: the caller gives kind ("train", "evaluate"), status, model and tokens. Where
  /// there is no home no ledger is kept; one that cannot be written is a warning on stderr.
  [[nodiscard]] std::string end_in_ledger(LedgerRow row);
  /// What the last stop() or end_in_ledger() counted; nothing without a source.
  [[nodiscard]] const std::optional<RequestEnergy>& last() const { return last_; }

 private:
  [[nodiscard]] std::string shown(const Energy& energy, int64_t tokens) const;

  std::unique_ptr<Meter> meter_;
  uint64_t activity_ = 0;
  bool stopped_ = false;
  std::optional<RequestEnergy> last_;
};

/// Energy of `tokens` tokens as one of them, for people: "0.12 J/token (0.04 to 0.36)".
[[nodiscard]] std::string show_per_token(const Energy& energy, int64_t tokens);

}  // namespace sobre

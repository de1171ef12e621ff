#include "learn/train_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/json.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxLogBytes = uint64_t{4} << 30;

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(); }

struct LogPart {
  std::vector<TrainLogRow> rows;
  uint64_t bytes = 0;  // where the last of them ends
};

/// The rows through `last_step`. A killed process may have left half a line at the end.
Result<LogPart> read_part(const std::string& path, uint64_t last_step) {
  TRY(const std::string text, read_file(path, kMaxLogBytes));
  LogPart part;
  for (size_t at = 0, line = 1; at < text.size(); ++line) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    const auto row = parse_train_log_line(std::string_view(text).substr(at, end - at));
    if (!row) return fail("{}:{}: {}", path, line, row.error().message);
    if (row->step > last_step) break;
    part.rows.push_back(*row);
    at = end + 1;
    part.bytes = at;
  }
  return part;
}

}  // namespace

std::string train_log_line(const TrainLogRow& row) {
  Json json{Json::Object()};
  json.set("step", row.step);
  json.set("tokens", row.tokens);
  json.set(row.validation ? "validation_loss" : "loss", number(row.loss));
  if (!row.validation) {
    json.set("grad_norm", number(row.grad_norm));
    json.set("lr", number(row.learning_rate));
    json.set("tokens_per_s", number(row.tokens_per_s));
  }
  json.set("elapsed_s", number(row.elapsed_s));
  return json.dump() + "\n";
}

Result<TrainLogRow> parse_train_log_line(std::string_view line) {
  TRY(const Json json, Json::parse(line));
  TrainLogRow row;
  const std::pair<const char*, uint64_t*> counts[] = {{"step", &row.step}, {"tokens", &row.tokens}};
  for (const auto& [key, out] : counts) {
    const Json* value = json.find(key);
    if (value == nullptr || !value->as_uint()) return fail("no row of a training log: \"{}\" is no count", key);
    *out = *value->as_uint();
  }
  row.validation = json.find("validation_loss") != nullptr;
  std::vector<std::pair<const char*, double*>> numbers = {{row.validation ? "validation_loss" : "loss", &row.loss},
                                                          {"elapsed_s", &row.elapsed_s}};
  if (!row.validation) {
    numbers.emplace_back("grad_norm", &row.grad_norm);
    numbers.emplace_back("lr", &row.learning_rate);
    numbers.emplace_back("tokens_per_s", &row.tokens_per_s);
  }
  for (const auto& [key, out] : numbers) {
    const Json* value = json.find(key);
    if (value == nullptr || (!value->is_null() && !value->as_double()))
      return fail("no row of a training log: \"{}\" is no number", key);
    *out = value->is_null() ? std::numeric_limits<double>::quiet_NaN() : *value->as_double();
  }
  return row;
}

Result<std::vector<TrainLogRow>> read_train_log(const std::string& path) {
  TRY(LogPart part, read_part(path, UINT64_MAX));
  return std::move(part.rows);
}

Result<TrainLog> TrainLog::create(const std::string& path) {
  TrainLog log;
  log.path_ = path;
  log.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (log.fd_ < 0) return fail("{}: cannot write: {}", path, std::strerror(errno));
  return log;
}

Result<TrainLog> TrainLog::resume(const std::string& path, uint64_t step) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return create(path);
  auto read = read_part(path, step);
  if (!read) return fail("{}; without this file the run goes on, with a new log", read.error().message);
  LogPart part = std::move(*read);
  TrainLog log;
  log.path_ = path;
  log.rows_ = std::move(part.rows);
  log.bytes_ = part.bytes;
  log.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (log.fd_ < 0) return fail("{}: cannot write: {}", path, std::strerror(errno));
  if (::ftruncate(log.fd_, static_cast<off_t>(log.bytes_)) != 0) return fail("{}: cannot cut: {}", path, std::strerror(errno));
  return log;
}

TrainLog::TrainLog(TrainLog&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), bytes_(other.bytes_), path_(std::move(other.path_)), rows_(std::move(other.rows_)) {}

TrainLog& TrainLog::operator=(TrainLog&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  std::swap(path_, other.path_);
  std::swap(rows_, other.rows_);
  return *this;
}

TrainLog::~TrainLog() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> TrainLog::append(const TrainLogRow& row) {
  const std::string line = train_log_line(row);
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::pwrite(fd_, line.data() + done, line.size() - done, static_cast<off_t>(bytes_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int reason = n < 0 ? errno : ENOSPC;
      // Half a line would be taken for a row when the next one follows it. Where even this fails, resume() cuts it off.
      static_cast<void>(!::ftruncate(fd_, static_cast<off_t>(bytes_)));
      return fail("{}: cannot write: {}", path_, std::strerror(reason));
    }
    done += static_cast<size_t>(n);
  }
  bytes_ += line.size();
  rows_.push_back(row);
  return {};
}

}  // namespace sobre

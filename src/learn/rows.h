// Rows of a JSONL or CSV file by number. The file is mapped; opening it makes one pass that keeps where each row begins (8
// bytes a row), and a row is read when it is asked for. Lines end with LF or CRLF (in CSV also with CR alone); empty ones are
// no rows; a byte order mark at the beginning is skipped. Const once open; any thread. Files are untrusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace sobre {

enum class RowForm : uint8_t { kJsonl, kCsv };

class RowFile {
 public:
  static constexpr uint64_t kMaxRowBytes = 16 << 20;

  /// Errors: an unreadable file, one without rows, a row of more than kMaxRowBytes, a CSV field whose quotes never close (each
  /// with its line).
  [[nodiscard]] static Result<RowFile> open(const std::string& path, RowForm form);
  /// The same of a text that outlives this object; `name` stands for the file's name in messages.
  [[nodiscard]] static Result<RowFile> over(std::string_view text, const std::string& name, RowForm form);

  [[nodiscard]] uint64_t size() const { return begins_.size(); }
  /// The bytes of a row without its line break.
  [[nodiscard]] std::string_view row(uint64_t index) const;
  /// Error: the file was written in place since it was opened.
  [[nodiscard]] Result<void> check_unchanged() const;
  /// "FILE:LINE" of the row's first line. Counts lines from the beginning: for messages only.
  [[nodiscard]] std::string place(uint64_t index) const;

 private:
  RowFile() = default;
  [[nodiscard]] Result<void> make_index();
  [[nodiscard]] std::string place_of_byte(uint64_t at) const;

  std::optional<MappedFile> file_;
  std::string_view text_;
  std::string name_;
  RowForm form_ = RowForm::kJsonl;
  std::vector<uint64_t> begins_;
};

/// The fields of one CSV row (RFC 4180: commas, fields in double quotes that may hold commas, line breaks and doubled quotes).
/// Errors: a quote within an unquoted field, text behind a closing quote, quotes that never close, more than 4096 fields, bytes
/// that are no UTF-8. They name the field; the caller adds the row's place.
[[nodiscard]] Result<std::vector<std::string>> parse_csv_row(std::string_view row);

/// A CSV file whose first row names the columns.
class CsvFile {
 public:
  [[nodiscard]] static Result<CsvFile> open(const std::string& path);
  [[nodiscard]] static Result<CsvFile> over(std::string_view text, const std::string& name);

  [[nodiscard]] uint64_t size() const { return rows_.size() - 1; }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// The number of a column. Error: there is none of this name (lists those there are).
  [[nodiscard]] Result<size_t> column(std::string_view name) const;
  /// Row `index`, counted without the first; as many fields as there are columns. Errors begin with the place.
  [[nodiscard]] Result<std::vector<std::string>> fields(uint64_t index) const;
  [[nodiscard]] std::string place(uint64_t index) const { return rows_.place(index + 1); }

 private:
  explicit CsvFile(RowFile rows) : rows_(std::move(rows)) {}
  [[nodiscard]] static Result<CsvFile> make(Result<RowFile> rows);
  RowFile rows_;
  std::vector<std::string> columns_;
};

/// A JSONL row as an object. Errors begin with the place.
[[nodiscard]] Result<Json> json_row(const RowFile& rows, uint64_t index);

}  // namespace sobre

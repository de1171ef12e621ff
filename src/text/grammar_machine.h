// The automaton of a grammar: a set of threads, each a place in the text with the values around it, moved byte by byte. A text
// belongs to the language when some thread has arrived. Every thread that exists can still arrive: dead ends are never entered.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/grammar.h"
#include "text/grammar_cache.h"
#include "text/grammar_encoding.h"
#include "text/json_schema.h"

namespace sobre {

/// A step of the outer grammar.
struct GrammarOp {
  enum class Kind : uint8_t { kByte, kToken, kSplit, kSchema, kRegex, kAccept };
  Kind kind = Kind::kAccept;
  uint8_t byte = 0;
  int32_t token = -1;
  uint32_t ref = 0;            // kSchema: formula; kRegex: automaton
  std::vector<uint32_t> next;  // kSplit: any number; else one
  uint64_t cost = kNoCost;     // bytes of the shortest way to kAccept
};

struct Grammar::Impl {
  SchemaProgram schemas;
  std::vector<GrammarOp> ops;
  uint32_t start = 0;
  GrammarCache cache;  // of masks; with a lock of its own
};

/// Bytes that are stored once; equal contents are one pointer.
struct Blob {
  uint64_t hash;
  uint32_t size;
  [[nodiscard]] const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data()), size / sizeof(T)};
  }
};

/// What goes on after the value that is being written: the container around it with all that was seen in it, or the outer
/// grammar. Stored once each, in Blobs; no padding.
struct Frame {
  enum class Kind : uint32_t { kReturn, kObject, kArray };
  const Frame* up = nullptr;
  const Blob* seen = nullptr;    // objects: bits of labels (uint64_t)
  const Blob* extras = nullptr;  // objects: ExtraName, by name; null: none
  const Blob* counts = nullptr;  // arrays with counted rules: uint32_t each
  uint64_t count = 0;            // items or properties, as far as they matter
  uint32_t shape = 0;            // kReturn: the op that follows
  uint32_t met = 0;
  Kind kind = Kind::kReturn;
  uint32_t list = 0;  // objects: 1: an array of unique strings, written as such
};

/// A name of a group that an object has already.
struct ExtraName {
  const Blob* name;  // char32_t each
  uint64_t label;
};

/// The letters of a name so far, last one first.
struct NameLetter {
  const NameLetter* before;
  uint64_t code;
};

struct Thread {
  enum class Mode : uint8_t {
    kAccept,      // the text is complete
    kByte,        // op `a` waits for its byte
    kToken,       // op `a` waits for its control token
    kRegex,       // in automaton a
    kValue,       // a value of formula a
    kSpaceValue,  // the same; one space may come first
    kLiteral,     // in null, false, true (a = 0, 1, 2), q letters read
    kNumber,      // in texts a
    kWord,        // in a number of automaton a
    kString,      // in a string of shape a
    kObjectOpen,  // after {
    kObjectNext,  // after a comma
    kObjectName,  // after a comma and a space
    kKey,         // in a name
    kColon,       // after a name; formula a
    kArrayOpen,
    kArrayNext,
    kArrayItem,
    kDone,  // after a value in a container
  };
  Mode mode = Mode::kAccept;
  Encoding enc;
  uint32_t a = 0;
  int32_t q = 0;
  uint32_t first = 0, last = 0, pos = 0;  // kKey: extra names that begin like this one, and its letters so far
  uint64_t n = 0;                         // kString: code points so far
  const Frame* frame = nullptr;
  const NameLetter* text = nullptr;
  NumberState number;
  friend bool operator==(const Thread&, const Thread&) = default;
};

using Threads = std::vector<Thread>;

/// Owns frames and what they point to. One thread.
class StateStore {
 public:
  StateStore();
  [[nodiscard]] const Blob* blob(const void* bytes, size_t size);
  [[nodiscard]] const Frame* frame(const Frame& frame) {
    return reinterpret_cast<const Frame*>(blob(&frame, sizeof(frame))->data());
  }
  [[nodiscard]] const NameLetter* letter(const NameLetter* before, char32_t code) {
    const NameLetter letter{before, code};
    return reinterpret_cast<const NameLetter*>(blob(&letter, sizeof(letter))->data());
  }
  [[nodiscard]] uint64_t bytes() const { return used_; }

  /// Labels that may come next, by object.
  std::unordered_map<const Frame*, std::vector<uint64_t>> allowed;
  std::unordered_map<const Frame*, bool> completions;  // of objects: whether they can be completed
  std::unordered_map<const Frame*, uint64_t> values;   // of arrays of unique values: those that may come next
  std::vector<uint32_t> marks;                         // of ops, while closures are made
  uint32_t mark = 0;

 private:
  void grow();
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_used_ = 0, chunk_size_ = 0;
  std::vector<const Blob*> table_;
  size_t entries_ = 0;
  uint64_t used_ = 0;
};

/// Moves threads. Cheap to make; one thread.
class Machine {
 public:
  static constexpr size_t kMaxThreads = 2048;  // further ones are dropped: the language only shrinks

  Machine(const Grammar::Impl& grammar, StateStore& store) : g_(grammar), p_(grammar.schemas), store_(store) {}

  void begin(Threads& out) { closure(g_.start, out); }
  /// Appends where `thread` can go with this byte.
  void step(const Thread& thread, uint8_t byte, Threads& out);
  /// The same for a control token.
  void step_token(const Thread& thread, int32_t token, Threads& out);
  void closure(uint32_t op, Threads& out);
  /// A value has ended; `frame` goes on.
  void done(const Frame* frame, Threads& out);

  // For masks of names and strings.
  [[nodiscard]] const ObjectShape& object(const Frame& f) const { return p_.objects[f.shape]; }
  [[nodiscard]] const KeyTable& table(const Frame& f) const { return *p_.tables[object(f).table]; }
  [[nodiscard]] const std::vector<uint64_t>& allowed_labels(const Frame* f);
  /// A group of names that is allowed and that no text leads away from, at this place of a name.
  [[nodiscard]] bool key_is_open(const Thread& thread);

  // For completions (grammar_finish.cpp).
  [[nodiscard]] bool closes(const Frame& f) const;
  void post_key(const Frame* f, size_t label, const Blob* name, const ChildChoice& choice, Threads& out);
  /// `f` is a frame of the store. Null: the array could not be completed after such an item.
  [[nodiscard]] const Frame* after_item(const Frame& f, const ChildChoice& choice);
  [[nodiscard]] const Frame* after_key(const Frame& f, size_t label, const Blob* name, const ChildChoice& choice);
  [[nodiscard]] ObjectProgress progress(const Frame& f, std::vector<uint32_t>& extras) const;
  [[nodiscard]] bool key_live(const Thread& t, int32_t q, uint32_t first, uint32_t last);
  void narrow(const Thread& t, char32_t code, uint32_t& first, uint32_t& last) const;
  [[nodiscard]] bool name_allowed(const Thread& t);
  [[nodiscard]] const Blob* name_of(const Thread& t);

 private:
  void push(Threads& out, const Thread& thread) const;
  void step_value(const Thread& t, uint8_t byte, Threads& out);
  void step_literal(const Thread& t, uint8_t byte, Threads& out);
  void step_number(const Thread& t, uint8_t byte, Threads& out);
  void step_word(const Thread& t, uint8_t byte, Threads& out);
  void step_string(const Thread& t, uint8_t byte, Threads& out);
  void step_regex(const Thread& t, uint8_t byte, Threads& out);
  void step_key(const Thread& t, uint8_t byte, Threads& out);
  void step_container(const Thread& t, uint8_t byte, Threads& out);
  void begin_key(const Frame* frame, Threads& out);
  bool may_add_key(const Frame* frame);
  bool may_add_item(const Frame& frame);
  void begin_items(const Frame& frame, uint8_t byte, Threads& out);
  bool key_partial_live(const Thread& t);
  bool completes(const Frame* f);
  bool takes(const Frame& frame, const ChildChoice& choice, uint8_t byte);
  uint64_t next_values(const Frame& frame);

  const Grammar::Impl& g_;
  const SchemaProgram& p_;
  StateStore& store_;
};

/// A piece of a completion: bytes, or one control token.
struct CompletionPiece {
  std::string bytes;
  int32_t token = -1;
};
/// The shortest way (in bytes, as far as costs are exact) from these threads to a complete text.
[[nodiscard]] std::vector<CompletionPiece> shortest_way(const Grammar::Impl& grammar, StateStore& store,
                                                        const Threads& threads);

}  // namespace sobre

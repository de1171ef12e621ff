// The parts of AnswerReader: text and marks (answer_reader.cpp), calls (answer_reader_calls.cpp). Private to these two files.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text/answer_reader_json.h"
#include "text/tool_calls.h"

namespace sobre {

namespace answer_reader {

inline constexpr std::string_view kTagOpen = "<tool_call>", kTagClose = "</tool_call>", kMistralOpen = "[TOOL_CALLS]";
inline constexpr std::string_view kArgs = "[ARGS]", kCallId = "[CALL_ID]", kLlamaOpen = "{";
inline constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>", kMistralThink = "[THINK]",
                                  kMistralThinkEnd = "[/THINK]";
// What may come before a call's arguments (names, ids, white space), and how much white space is held back to see whether a
// call follows. Both bound the memory and the work done twice.
inline constexpr size_t kMaxHead = 512, kMaxSpace = 4096;
inline constexpr size_t kMaxName = 64;

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }
inline bool begins(std::string_view whole, std::string_view start) { return whole.starts_with(start); }

}  // namespace answer_reader

struct AnswerReader::Impl {
  using Kind = AnswerPiece::Kind;
  enum class State : uint8_t {
    kText,
    // From a call's opening to its arguments.
    kOpened,    // what follows the opening: an object, a list or a name
    kItem,      // an object of a list
    kName,      // Mistral's bare name
    kMark,      // [ARGS] or [CALL_ID]
    kId,        // the text after [CALL_ID]
    kArgsOpen,  // the object after [ARGS]
    // Members of a call's object, before and after the arguments.
    kFirstKey,
    kNextKey,
    kKey,
    kColon,
    kValueOpen,
    kValue,
    kComma,
    // Certain.
    kArguments,
    kListNext,  // after an object of a list
    kClose      // </tool_call>
  };

  explicit Impl(Options given);

  /// Text to be read once more, as text: what a call that was none had taken.
  struct Replay {
    std::string text;
    size_t at = 0;
  };

  void run(std::string_view text);
  void take(char c);
  void end();

  // Text.
  [[nodiscard]] bool active(std::string_view mark) const;
  void take_text(char c);
  void found(std::string_view mark);
  void put(char c);
  void put_space(char c);
  void emit(Kind kind, std::string_view text);

  // Calls.
  void open_call(std::string_view mark);
  void begin_object();
  void fail(char c);
  void take_opened(char c);
  void take_name(char c);
  void take_mark(char c);
  void take_id(char c);
  void take_item(char c);
  void take_key(char c);
  void take_colon(char c);
  void take_value_open(char c);
  void take_value(char c);
  [[nodiscard]] bool member_read();
  void take_comma(char c);
  void take_arguments(char c);
  void take_list_next(char c);
  void take_close(char c);
  void commit();
  void end_arguments(bool whole);
  void object_read();
  void close_call();
  void back_to_text();
  [[nodiscard]] bool known() const { return names.contains(name); }
  [[nodiscard]] bool is_arguments() const { return key == "arguments" || key == "parameters"; }

  Options options;
  std::set<std::string, std::less<>> names;
  std::set<std::string, std::less<>> ids;  // of this answer's calls
  std::string_view opening;
  bool mistral = false;

  std::vector<AnswerPiece>* out = nullptr;
  size_t first = 0;  // pieces of this push begin here: only these are added to
  std::vector<Replay> replays;
  State state = State::kText;
  int n_calls = 0;

  // Text.
  std::string held;          // may become a mark
  std::string space;         // white space that a call or the end of the thoughts would drop
  bool space_shown = false;  // the run of white space was too long to hold back
  bool drop_space = false;   // white space is dropped until something else comes
  bool in_reasoning = false, has_content = false, has_reasoning = false;

  // The call being read.
  std::string raw;                                      // its text, until it is certain
  size_t mark_size = 0;                                 // of it the opening mark
  bool certain = false, in_list = false, bare = false;  // bare: the arguments alone, after [ARGS]
  bool typed = false;                                   // its first member was "type": "function"
  std::string name, id, key, value, word;
  JsonScanner json;
};

}  // namespace sobre

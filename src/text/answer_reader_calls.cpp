#include <algorithm>

#include "text/answer_reader_impl.h"

namespace sobre {

using namespace answer_reader;

void AnswerReader::Impl::open_call(std::string_view mark) {
  raw = mark;
  mark_size = mark.size();
  certain = in_list = bare = false;
  name.clear();
  id.clear();
  state = State::kOpened;
  if (mark == kLlamaOpen) begin_object();
}

void AnswerReader::Impl::begin_object() {
  name.clear();
  id.clear();
  typed = false;
  state = State::kFirstKey;
}

/// What was read is no call, `c` its last byte: all but the opening mark is read again, as text.
void AnswerReader::Impl::fail(char c) {
  state = State::kText;
  if (certain) {
    replays.push_back({std::string(1, c), 0});
    return;
  }
  const std::string text = std::move(raw);
  raw.clear();
  for (const char m : std::string_view(text).substr(0, mark_size)) put(m);
  if (text.size() > mark_size) replays.push_back({text.substr(mark_size), 0});
  mark_size = 0;
}

void AnswerReader::Impl::back_to_text() {
  state = State::kText;
  drop_space = true;
}

void AnswerReader::Impl::take_opened(char c) {
  if (is_space(c)) return;
  if (c == '{') {
    begin_object();
  } else if (c == '[') {
    in_list = true;
    state = State::kItem;
  } else if (mistral && is_name(c)) {
    name = c;
    state = State::kName;
  } else {
    fail(c);
  }
}

void AnswerReader::Impl::take_name(char c) {
  if (is_name(c) && name.size() < kMaxName) {
    name += c;
  } else if (c == '[' && known()) {
    word = c;
    state = State::kMark;
  } else {
    fail(c);
  }
}

void AnswerReader::Impl::take_mark(char c) {
  word += c;
  if (word == kArgs) {
    bare = true;
    state = State::kArgsOpen;
  } else if (word == kCallId) {
    id.clear();
    state = State::kId;
  } else if (!begins(kArgs, word) && !begins(kCallId, word)) {
    fail(c);
  }
}

void AnswerReader::Impl::take_id(char c) {
  if (is_alnum(c) && id.size() < kMaxName) {
    id += c;
  } else if (c == '[') {
    word = c;
    state = State::kMark;
  } else {
    fail(c);
  }
}

void AnswerReader::Impl::take_item(char c) {
  if (is_space(c)) return;
  if (c != '{') {
    fail(c);
    return;
  }
  if (state == State::kItem) {
    begin_object();
    return;
  }
  commit();
  take_arguments(c);
}

void AnswerReader::Impl::take_key(char c) {
  if (state != State::kKey) {
    if (is_space(c)) return;
    if (c == '}' && state == State::kFirstKey) {
      fail(c);  // {} names no tool
    } else if (c == '"') {
      json.begin();
      static_cast<void>(json.push(c));
      key.clear();
      state = State::kKey;
    } else {
      fail(c);
    }
    return;
  }
  switch (json.push(c)) {
    case JsonScanner::Step::kMore:
      if (!certain) key += c;
      break;
    case JsonScanner::Step::kEnd:
      state = State::kColon;
      break;
    default:
      fail(c);
  }
}

void AnswerReader::Impl::take_colon(char c) {
  if (is_space(c)) return;
  if (c == ':') {
    state = State::kValueOpen;
  } else {
    fail(c);
  }
}

void AnswerReader::Impl::take_value_open(char c) {
  if (is_space(c)) return;
  if (!certain && is_arguments() && c == '{') {
    if (known()) {
      commit();
      take_arguments(c);
    } else {
      fail(c);
    }
    return;
  }
  json.begin();
  if (json.push(c) != JsonScanner::Step::kMore) {  // no value is one byte long for certain
    fail(c);
    return;
  }
  value.clear();
  if (!certain) value += c;
  state = State::kValue;
}

void AnswerReader::Impl::take_value(char c) {
  const JsonScanner::Step step = json.push(c);
  if (step == JsonScanner::Step::kBad) {
    fail(c);
    return;
  }
  if (!certain && step != JsonScanner::Step::kEndBefore) value += c;
  if (step == JsonScanner::Step::kMore) return;
  if (!certain && !member_read()) {
    fail(c);
    return;
  }
  state = State::kComma;
  if (step == JsonScanner::Step::kEndBefore) take_comma(c);
}

/// A member other than the arguments' object. False: the call is none.
bool AnswerReader::Impl::member_read() {
  // The grammar takes an object for a Llama call by how it begins: with the name, or with the type and the name.
  if (options.format == ToolFormat::kLlama && name.empty() && key != "name") {
    if (typed || key != "type" || value != "\"function\"") return false;
    return typed = true;
  }
  if (is_arguments()) return value == "null";
  const bool text = value.size() >= 2 && value.front() == '"';
  const std::string inner = text ? value.substr(1, value.size() - 2) : "";
  if (key == "id") id = inner;
  if (key != "name") return true;
  name = inner;
  return known();
}

void AnswerReader::Impl::take_comma(char c) {
  if (is_space(c)) return;
  if (c == ',') {
    state = State::kNextKey;
  } else if (c == '}' && (certain || known())) {
    object_read();
  } else {
    fail(c);
  }
}

/// The name is known and arguments follow: there is a call.
void AnswerReader::Impl::commit() {
  space.clear();
  space_shown = false;
  raw.clear();
  mark_size = 0;
  certain = true;
  in_reasoning = false;
  const auto index = static_cast<uint32_t>(n_calls++);
  AnswerPiece piece;
  piece.kind = Kind::kCallBegin;
  piece.index = n_calls - 1;
  piece.name = name;
  // The model's own id is what the next prompt will repeat.
  const bool usable = mistral && id.size() == 9 && std::all_of(id.begin(), id.end(), is_alnum);
  piece.id = usable && !ids.contains(id) ? id : make_call_id(options.format, options.seed, options.choice, index);
  ids.insert(piece.id);
  out->push_back(std::move(piece));
  json.begin();
  state = State::kArguments;
}

void AnswerReader::Impl::end_arguments(bool whole) {
  AnswerPiece piece;
  piece.kind = Kind::kCallEnd;
  piece.index = n_calls - 1;
  piece.whole = whole;
  out->push_back(std::move(piece));
}

void AnswerReader::Impl::take_arguments(char c) {
  switch (json.push(c)) {
    case JsonScanner::Step::kMore:
      emit(Kind::kCallArguments, std::string_view(&c, 1));
      break;
    case JsonScanner::Step::kEnd:
      emit(Kind::kCallArguments, std::string_view(&c, 1));
      end_arguments(true);
      if (bare) {
        back_to_text();
      } else {
        state = State::kComma;
      }
      break;
    default:
      end_arguments(false);
      fail(c);
  }
}

/// A call's object has ended.
void AnswerReader::Impl::object_read() {
  if (!certain) {
    commit();
    emit(Kind::kCallArguments, "{}");
    end_arguments(true);
  }
  if (in_list) {
    state = State::kListNext;
  } else {
    close_call();
  }
}

void AnswerReader::Impl::close_call() {
  back_to_text();
  if (opening != kTagOpen) return;
  word.clear();
  state = State::kClose;
}

void AnswerReader::Impl::take_list_next(char c) {
  if (is_space(c)) return;
  if (c == ',') {
    raw = c;
    certain = false;
    state = State::kItem;
  } else if (c == ']') {
    close_call();
  } else {
    fail(c);
  }
}

void AnswerReader::Impl::take_close(char c) {
  if (word.empty() && is_space(c)) return;
  word += c;
  if (begins(kTagClose, word) && word != kTagClose) return;
  back_to_text();
  if (word != kTagClose) replays.push_back({word, 0});
}

}  // namespace sobre

#include "text/answer_reader_impl.h"

namespace sobre {

using namespace answer_reader;

AnswerReader::Impl::Impl(Options given) : options(std::move(given)), names(options.names.begin(), options.names.end()) {
  in_reasoning = options.reasoning && options.starts_in_reasoning;
  drop_space = in_reasoning;
  mistral = options.format == ToolFormat::kMistralList || options.format == ToolFormat::kMistralNamed;
  opening = mistral ? kMistralOpen : options.format == ToolFormat::kLlama ? kLlamaOpen : kTagOpen;
}

void AnswerReader::Impl::emit(Kind kind, std::string_view text) {
  if (text.empty()) return;
  const int index = kind == Kind::kCallArguments ? n_calls - 1 : 0;
  if (out->size() == first || out->back().kind != kind || out->back().index != index) {
    out->emplace_back();
    out->back().kind = kind;
    out->back().index = index;
  }
  out->back().text += text;
}

void AnswerReader::Impl::put_space(char c) {
  const Kind kind = in_reasoning ? Kind::kReasoning : Kind::kContent;
  if (drop_space) return;
  if (space_shown) {
    emit(kind, std::string_view(&c, 1));
    return;
  }
  space += c;
  if (space.size() < kMaxSpace) return;
  emit(kind, space);
  space.clear();
  space_shown = true;
  (in_reasoning ? has_reasoning : has_content) = true;
}

void AnswerReader::Impl::put(char c) {
  if (is_space(c)) {
    put_space(c);
    return;
  }
  const Kind kind = in_reasoning ? Kind::kReasoning : Kind::kContent;
  emit(kind, space);
  emit(kind, std::string_view(&c, 1));
  space.clear();
  space_shown = drop_space = false;
  (in_reasoning ? has_reasoning : has_content) = true;
}

bool AnswerReader::Impl::active(std::string_view mark) const {
  if (mark == opening) return options.tools && (mark != kLlamaOpen || (!has_content && !in_reasoning));
  if (!options.reasoning) return false;
  if (mark == kThinkEnd || mark == kMistralThinkEnd) return in_reasoning;
  return !has_content && n_calls == 0 && !has_reasoning;
}

void AnswerReader::Impl::take_text(char c) {
  if (held.empty() && c != '<' && c != '[' && c != '{') {
    put(c);
    return;
  }
  held += c;
  while (!held.empty()) {
    bool wait = false;
    for (const std::string_view mark : {opening, kThink, kThinkEnd, kMistralThink, kMistralThinkEnd}) {
      if (!begins(mark, held) || !active(mark)) continue;
      if (mark.size() == held.size()) {
        held.clear();
        found(mark);
        return;
      }
      wait = true;
    }
    if (wait) return;
    put(held.front());
    held.erase(0, 1);
  }
}

void AnswerReader::Impl::found(std::string_view mark) {
  if (mark == opening) {
    open_call(mark);
    return;
  }
  in_reasoning = mark == kThink || mark == kMistralThink;
  if (!in_reasoning) has_reasoning = false;  // thoughts may follow thoughts
  space.clear();
  space_shown = false;
  drop_space = true;
}

// ------------------------------------------------------------------------------------------------------------- the whole

void AnswerReader::Impl::take(char c) {
  if (state == State::kText) {
    take_text(c);
    return;
  }
  if (!certain) {
    raw += c;
    if (raw.size() > kMaxHead) {
      fail(c);
      return;
    }
  }
  switch (state) {
    case State::kOpened:
      return take_opened(c);
    case State::kItem:
    case State::kArgsOpen:
      return take_item(c);
    case State::kName:
      return take_name(c);
    case State::kMark:
      return take_mark(c);
    case State::kId:
      return take_id(c);
    case State::kFirstKey:
    case State::kNextKey:
    case State::kKey:
      return take_key(c);
    case State::kColon:
      return take_colon(c);
    case State::kValueOpen:
      return take_value_open(c);
    case State::kValue:
      return take_value(c);
    case State::kComma:
      return take_comma(c);
    case State::kArguments:
      return take_arguments(c);
    case State::kListNext:
      return take_list_next(c);
    default:
      return take_close(c);
  }
}

void AnswerReader::Impl::run(std::string_view text) {
  size_t at = 0;
  while (true) {
    if (!replays.empty()) {
      Replay& again = replays.back();
      if (again.at == again.text.size()) {
        replays.pop_back();
      } else {
        take(again.text[again.at++]);
      }
    } else if (at < text.size()) {
      take(text[at++]);
    } else {
      return;
    }
  }
}

void AnswerReader::Impl::end() {
  const bool opens = !held.empty() && opening.starts_with(held) && (options.calls_only || n_calls > 0);
  const bool opened = state != State::kText && !certain;
  if (options.obeyed && (opens || opened)) {
    held.clear();
    raw.clear();
    space.clear();
    state = State::kText;
  }
  while (state != State::kText && !certain) {
    fail('\0');
    run({});
  }
  if (state == State::kArguments) end_arguments(false);
  // A closing mark that was cut off belongs to its call.
  for (const char c : held) put(c);
  held.clear();
  emit(in_reasoning ? Kind::kReasoning : Kind::kContent, space);
  space.clear();
  state = State::kText;
}

AnswerReader::AnswerReader(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

void AnswerReader::push(std::string_view text, std::vector<AnswerPiece>& out) {
  impl_->out = &out;
  impl_->first = out.size();
  impl_->run(text);
}

void AnswerReader::finish(std::vector<AnswerPiece>& out) {
  impl_->out = &out;
  impl_->first = out.size();
  impl_->end();
}

int AnswerReader::calls() const { return impl_->n_calls; }

}  // namespace sobre

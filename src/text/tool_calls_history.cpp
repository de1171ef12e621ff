// The conversation as a template takes it: see template_messages in tool_calls.h.
#include <algorithm>
#include <unordered_map>

#include "text/tool_calls_needs.h"

namespace sobre {

namespace {

constexpr size_t kNoCall = static_cast<size_t>(-1);
constexpr const char* kUnknownTool = "unknown";
// Values in the arguments of all calls together that are read out of texts; each takes some 40 bytes of memory.
constexpr uint64_t kMaxArgumentValues = 200'000;
// Said for the assistant where a template wants its turn between a tool's result and the user's next message.
constexpr const char* kAcknowledged = "OK.";

struct Call {
  Json json;       // as the template gets it
  std::string id;  // as the client gave it; empty: none
  bool answered = false;
};

struct Turn {
  std::string role, content;
  Json::Object rest;           // other members, passed on
  std::vector<size_t> calls;   // assistant: places in History::calls_
  std::string result_id;       // tool: as given
  size_t result_of = kNoCall;  // tool: the call it answers
};

Turn turn_of(std::string_view role, std::string_view content) {
  Turn turn;
  turn.role = role;
  turn.content = content;
  return turn;
}

Json member(const Turn& turn, std::string_view name) {
  for (const auto& [key, value] : turn.rest) {
    if (key == name) return value;
  }
  return nullptr;
}

/// Thoughts that a template adds to the content.
bool has_reasoning(const Turn& turn) {
  const Json first = member(turn, "reasoning_content");
  const Json& text = first.is_null() ? member(turn, "reasoning") : first;
  return text.as_string() != nullptr && !text.as_string()->empty();
}

void join(std::string& text, std::string_view more, std::string_view between) {
  if (!text.empty() && !more.empty()) text += between;
  text += more;
}

std::string content_text(const Json* content) {
  if (content == nullptr || content->is_null()) return "";
  if (const std::string* text = content->as_string()) return *text;
  const Json::Array* parts = content->as_array();
  if (parts == nullptr) return content->dump();
  std::string out;
  bool first = true;
  for (const Json& part : *parts) {
    const Json* inner = part.is_string() ? &part : part.find("text");
    if (inner == nullptr || inner->as_string() == nullptr) continue;
    if (!first) out += '\n';
    first = false;
    out += *inner->as_string();
  }
  return out;
}

uint64_t count_values(const Json& json) {
  uint64_t count = 1;
  if (const Json::Array* list = json.as_array()) {
    for (const Json& entry : *list) count += count_values(entry);
  } else if (const Json::Object* object = json.as_object()) {
    for (const auto& [name, value] : *object) count += count_values(value);
  }
  return count;
}

/// Parses a text of arguments; what it holds is taken from `values_left`.
Result<Json> parse_arguments(const std::string& text, uint64_t& values_left) {
  TRY(Json parsed, Json::parse(text, {.max_bytes = text.size(), .max_values = values_left}));
  values_left -= std::min(values_left, count_values(parsed));
  return parsed;
}

/// What is no JSON, or has more values than are left, stays text.
Json arguments_object(const Json* given, uint64_t& values_left) {
  if (given == nullptr || given->is_null()) return Json::Object{};
  if (given->is_object()) return *given;
  const std::string* text = given->as_string();
  if (text == nullptr) return Json::Object{{"arguments", *given}};
  if (text->find_first_not_of(" \t\r\n") == std::string::npos) return Json::Object{};
  Result<Json> parsed = parse_arguments(*text, values_left);
  if (!parsed) return Json::Object{{"arguments", *given}};
  if (parsed->is_object()) return std::move(*parsed);
  if (const std::string* inner = parsed->as_string()) {  // written as text twice
    Result<Json> again = parse_arguments(*inner, values_left);
    if (again && again->is_object()) return std::move(*again);
  }
  return Json::Object{{"arguments", std::move(*parsed)}};
}

/// Arguments as an object, or, where the template reads text, as text: as they were written when that is the text of an object.
/// (Text is what the API carries, and what keeps the prompt of the next turn equal to what the model wrote. From objects, the
/// templates of Mistral V2 to V7 print the quotes around a call as &#34;, for they mark the arguments as safe HTML.)
Json repaired_arguments(const Json* given, bool as_text, uint64_t& values_left) {
  if (!as_text) return arguments_object(given, values_left);
  const std::string* text = given == nullptr ? nullptr : given->as_string();
  if (text != nullptr) {
    const Result<Json> parsed = Json::parse(*text, {.max_bytes = text->size(), .max_values = values_left});
    if (parsed && parsed->is_object()) return *given;
  }
  return arguments_object(given, values_left).dump();
}

/// A call of the API's shape out of an entry of tool_calls, whatever it is.
Json repaired_call(const Json& entry, bool arguments_as_text, uint64_t& values_left) {
  const Json* function = entry.find("function");
  const bool nested = function != nullptr && function->is_object();
  if (!nested) function = &entry;  // {"name": ..., "arguments": ...} alone
  const Json* name = function->find("name");
  const bool named = name != nullptr && name->as_string() != nullptr && !name->as_string()->empty();
  Json fixed = nested ? *function : Json(Json::Object{});
  fixed.set("name", named ? *name : Json(kUnknownTool));
  fixed.set("arguments", repaired_arguments(function->find("arguments"), arguments_as_text, values_left));
  Json out = nested ? entry : Json(Json::Object{{"type", "function"}});
  out.set("function", std::move(fixed));
  return out;
}

std::string call_name(const Json& call) { return *call.find("function")->find("name")->as_string(); }

bool is_nine_letters(std::string_view id) {
  return id.size() == 9 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

/// The same new id for the same old one, in every turn that repeats the history.
std::string new_id(std::string_view old, size_t ordinal, bool nine) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : old) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return make_call_id(nine ? ToolFormat::kMistralList : ToolFormat::kTagged, hash, 0,
                      old.empty() ? static_cast<uint32_t>(ordinal) : 0);
}

/// The calls of one turn that have no result yet.
class OpenCalls {
 public:
  explicit OpenCalls(const std::vector<Call>& all) : all_(all) {}

  void begin(const std::vector<size_t>& calls) {
    calls_ = calls;
    next_ = 0;
    by_id_.clear();
    for (auto c = calls_.rbegin(); c != calls_.rend(); ++c) by_id_[all_[*c].id].push_back(*c);
  }
  /// The call that a result answers: the one of its id, else the first without a result; kNoCall when there is none.
  [[nodiscard]] size_t call_of(const std::string& result_id) {
    if (const auto found = by_id_.find(result_id); found != by_id_.end() && !result_id.empty()) {
      std::vector<size_t>& same = found->second;
      while (!same.empty() && all_[same.back()].answered) same.pop_back();
      if (!same.empty()) return same.back();
    }
    return first();
  }
  [[nodiscard]] size_t first() {
    while (next_ < calls_.size() && all_[calls_[next_]].answered) ++next_;
    return next_ < calls_.size() ? calls_[next_] : kNoCall;
  }

 private:
  const std::vector<Call>& all_;
  std::vector<size_t> calls_;
  size_t next_ = 0;                                             // all before it are answered
  std::unordered_map<std::string, std::vector<size_t>> by_id_;  // the next to be answered last
};

/// The conversation, repaired step by step.
class History {
 public:
  History(const TemplateNeeds& needs, bool tools) : needs_(needs), tools_(tools) {}

  Json::Array messages(const Json& given, const std::string& tools_text);

 private:
  void read(const Json& message);
  void read_calls(const Json& message, Turn& turn);
  void add_tools_text(const std::string& text);
  void move_systems();
  void drop_empty_answers();
  void link_results();
  void add_call_before(Turn& result, std::vector<Turn>& out);
  void order_results();
  void set_ids();
  void calls_to_text();
  void split_calls();
  void begin_with_user();
  void merge_neighbours();
  void alternate();
  [[nodiscard]] bool is_counted(const Turn& turn) const { return turn.role == "user" || turn.role == "assistant"; }
  [[nodiscard]] bool text_arguments() const { return needs_.arguments_text || needs_.calls_as_text; }
  Json written(Turn& turn);

  const TemplateNeeds& needs_;
  bool tools_;
  std::vector<Turn> turns_;
  std::vector<Call> calls_;
  uint64_t values_left_ = kMaxArgumentValues;
  std::unordered_map<std::string, size_t> by_id_;  // the latest call of an id
};

// -------------------------------------------------------------------------------------------------------------- reading

void History::read_calls(const Json& message, Turn& turn) {
  const auto add = [&](const Json& entry) {
    if (!entry.is_object()) return;
    Call call;
    if (const Json* id = entry.find("id"); id != nullptr && id->as_string() != nullptr) call.id = *id->as_string();
    call.json = repaired_call(entry, text_arguments(), values_left_);
    if (!call.id.empty()) by_id_[call.id] = calls_.size();
    turn.calls.push_back(calls_.size());
    calls_.push_back(std::move(call));
  };
  if (const Json* list = message.find("tool_calls"); list != nullptr && list->is_array()) {
    for (const Json& entry : *list->as_array()) add(entry);
  }
  // The API's older form.
  if (const Json* one = message.find("function_call"); one != nullptr && turn.calls.empty()) add(*one);
}

void History::read(const Json& message) {
  const Json* role = message.find("role");
  Turn turn;
  turn.role = role != nullptr && role->as_string() != nullptr ? *role->as_string() : "user";
  if (turn.role == "developer") turn.role = "system";
  if (turn.role == "function") turn.role = "tool";
  const bool known = turn.role == "system" || turn.role == "user" || turn.role == "assistant" || turn.role == "tool";
  if (!known && (needs_.alternating || needs_.ordered)) turn.role = "user";
  turn.content = content_text(message.find("content"));
  for (const char* name : {"name", "reasoning_content", "reasoning"}) {
    const Json* value = message.find(name);
    if (value != nullptr && value->is_string()) turn.rest.emplace_back(name, *value);
  }
  if (turn.role == "assistant") read_calls(message, turn);
  if (turn.role == "tool") {
    const Json* id = message.find("tool_call_id");
    if (id != nullptr && id->as_string() != nullptr) turn.result_id = *id->as_string();
  }
  turns_.push_back(std::move(turn));
}

// -------------------------------------------------------------------------------------------------------------- systems

void History::add_tools_text(const std::string& text) {
  if (text.empty()) return;
  if (turns_.empty() || turns_.front().role != "system") turns_.insert(turns_.begin(), turn_of("system", ""));
  join(turns_.front().content, text, "\n\n");
}

void History::move_systems() {
  using Systems = TemplateNeeds::Systems;
  if (needs_.systems == Systems::kAnywhere) return;
  std::vector<Turn> kept;
  std::string moved;
  for (Turn& turn : turns_) {
    const bool first = kept.empty() && moved.empty();
    const bool after_answer = !kept.empty() && (kept.back().role == "assistant" || kept.back().role == "tool");
    const bool moves = turn.role == "system" &&
                       (needs_.systems == Systems::kNone || (needs_.systems == Systems::kFirstOnly ? !first : after_answer));
    if (moves) {
      join(moved, turn.content, "\n\n");
    } else {
      kept.push_back(std::move(turn));
    }
  }
  turns_ = std::move(kept);
  if (moved.empty()) return;
  if (needs_.systems == Systems::kNone) {
    if (turns_.empty() || turns_.front().role != "user") turns_.insert(turns_.begin(), turn_of("user", ""));
    join(moved, turns_.front().content, "\n\n");
    turns_.front().content = std::move(moved);
    return;
  }
  if (turns_.empty() || turns_.front().role != "system") turns_.insert(turns_.begin(), turn_of("system", ""));
  join(turns_.front().content, moved, "\n\n");
}

void History::drop_empty_answers() {
  if (!needs_.no_empty_answer) return;
  std::erase_if(turns_, [&](const Turn& t) {
    return t.role == "assistant" && t.calls.empty() && t.content.empty() && !(needs_.reads_reasoning && has_reasoning(t));
  });
}

// ------------------------------------------------------------------------------------------------------ calls and results

/// A result without its call right before it, where the template refuses that: the call is written (again).
void History::add_call_before(Turn& result, std::vector<Turn>& out) {
  Call call;
  call.id = result.result_id;
  call.answered = true;
  if (const auto known = by_id_.find(result.result_id); known != by_id_.end()) {
    call.json = calls_[known->second].json;
  } else {
    call.json = repaired_call(Json::Object{{"name", member(result, "name")}}, text_arguments(), values_left_);
  }
  result.result_of = calls_.size();
  calls_.push_back(std::move(call));
  if (out.empty() || out.back().role != "assistant") out.push_back(turn_of("assistant", ""));
  out.back().calls.push_back(result.result_of);
}

void History::link_results() {
  const bool strict = (needs_.ordered || needs_.alternating) && !needs_.calls_as_text;
  std::vector<Turn> out;
  OpenCalls open(calls_);
  // In strict templates an answer after open calls would be joined with them: empty results part the two.
  const auto answer_open = [&] {
    for (size_t c = open.first(); c != kNoCall; c = open.first()) {
      calls_[c].answered = true;
      out.push_back(turn_of("tool", ""));
      out.back().result_of = c;
    }
  };
  for (Turn& turn : turns_) {
    if (turn.role == "tool") {
      turn.result_of = open.call_of(turn.result_id);
      if (turn.result_of != kNoCall) {
        calls_[turn.result_of].answered = true;
      } else if (strict) {
        add_call_before(turn, out);
      }
    } else if (turn.role == "assistant") {
      if (strict) answer_open();
      open.begin(turn.calls);
    } else if (strict || turn.role == "user") {
      open.begin({});
    }
    out.push_back(std::move(turn));
  }
  turns_ = std::move(out);
}

/// Templates that show no ids rely on the order of the calls.
void History::order_results() {
  if (needs_.nine_letter_ids) return;
  std::vector<std::pair<size_t, size_t>> order;  // call, place: equal calls keep their order
  for (size_t i = 0; i < turns_.size(); ++i) {
    order.clear();
    for (size_t k = i; k < turns_.size() && turns_[k].role == "tool"; ++k) order.emplace_back(turns_[k].result_of, k);
    if (order.empty()) continue;
    std::sort(order.begin(), order.end());
    std::vector<Turn> sorted;
    for (const auto& [call, place] : order) sorted.push_back(std::move(turns_[place]));
    std::move(sorted.begin(), sorted.end(), turns_.begin() + static_cast<ptrdiff_t>(i));
    i += order.size();
  }
}

void History::set_ids() {
  std::unordered_map<std::string, size_t> last;  // id -> the turn that used it last
  for (size_t t = 0; t < turns_.size(); ++t) {
    for (const size_t c : turns_[t].calls) {
      Call& call = calls_[c];
      const auto [seen, added] = last.try_emplace(call.id, t);
      const bool twice = !added && seen->second == t;
      seen->second = t;
      const bool usable = needs_.nine_letter_ids ? is_nine_letters(call.id) : !call.id.empty();
      if (!usable || twice) call.id = new_id(twice ? "" : call.id, c, needs_.nine_letter_ids);
      call.json.set("id", call.id);
    }
    Turn& turn = turns_[t];
    if (turn.role != "tool") continue;
    if (turn.result_of != kNoCall) {
      turn.result_id = calls_[turn.result_of].id;
      if (needs_.named_results) {
        std::erase_if(turn.rest, [](const auto& member) { return member.first == "name"; });
        turn.rest.emplace_back("name", call_name(calls_[turn.result_of].json));
      }
    } else if (turn.result_id.empty() || (needs_.nine_letter_ids && !is_nine_letters(turn.result_id))) {
      turn.result_id = new_id(turn.result_id, t, needs_.nine_letter_ids);
    }
  }
}

void History::calls_to_text() {
  if (!needs_.calls_as_text) return;
  std::vector<Turn> out;
  bool in_results = false;
  for (Turn& turn : turns_) {
    for (const size_t c : turn.calls) {
      const Json& function = *calls_[c].json.find("function");
      const Json& arguments = *function.find("arguments");
      const std::string* text = arguments.as_string();
      join(turn.content,
           "<tool_call>\n{\"name\": " + function.find("name")->dump() +
               ", \"arguments\": " + (text != nullptr ? *text : arguments.dump()) + "}\n</tool_call>",
           "\n");
    }
    turn.calls.clear();
    if (turn.role != "tool") {
      in_results = false;
      out.push_back(std::move(turn));
      continue;
    }
    const std::string block = "<tool_response>\n" + turn.content + "\n</tool_response>";
    if (in_results) {
      join(out.back().content, block, "\n");
    } else {
      out.push_back(turn_of("user", block));
    }
    in_results = true;
  }
  turns_ = std::move(out);
}

/// One call per message, each followed by its result.
void History::split_calls() {
  if (!needs_.one_call) return;
  std::vector<Turn> out;
  for (size_t i = 0; i < turns_.size(); ++i) {
    if (turns_[i].calls.size() < 2) {
      out.push_back(std::move(turns_[i]));
      continue;
    }
    Turn head = std::move(turns_[i]);
    const std::vector<size_t> calls = std::move(head.calls);
    size_t next = i + 1;  // results, in the order of the calls
    for (const size_t c : calls) {
      Turn one = std::move(head);
      head = turn_of("assistant", "");
      one.calls = {c};
      out.push_back(std::move(one));
      while (next < turns_.size() && turns_[next].role == "tool" && turns_[next].result_of == c) {
        out.push_back(std::move(turns_[next++]));
      }
    }
    i = next - 1;
  }
  turns_ = std::move(out);
}

// ---------------------------------------------------------------------------------------------------------------- order

void History::begin_with_user() {
  const bool wanted = needs_.ordered || needs_.alternating || (needs_.first_user_tools && tools_);
  if (!wanted) return;
  size_t first = 0;
  while (first < turns_.size() && turns_[first].role == "system") ++first;
  const bool has_user = std::any_of(turns_.begin(), turns_.end(), [](const Turn& t) { return t.role == "user"; });
  if (needs_.ordered && needs_.system_may_lead && first > 0 && has_user && turns_[first].role == "assistant") return;
  if (first < turns_.size() && turns_[first].role == "user") return;
  turns_.insert(turns_.begin() + static_cast<ptrdiff_t>(first), turn_of("user", ""));
}

void History::merge_neighbours() {
  if (!needs_.alternating && !needs_.calls_alone) return;
  std::vector<Turn> out;
  for (Turn& turn : turns_) {
    const bool same = !out.empty() && out.back().role == turn.role;
    // (A template that forbids content beside calls joins users itself.)
    if (same && is_counted(turn) && (needs_.alternating || turn.role == "assistant")) {
      join(out.back().content, turn.content, "\n\n");
      out.back().calls.insert(out.back().calls.end(), turn.calls.begin(), turn.calls.end());
    } else {
      out.push_back(std::move(turn));
    }
  }
  turns_ = std::move(out);
  if (!needs_.calls_alone) return;
  for (Turn& turn : turns_) {
    if (!turn.calls.empty()) turn.content.clear();
  }
}

/// Calls and results apart, user and assistant take turns.
void History::alternate() {
  if (!needs_.alternating) return;
  std::vector<Turn> out;
  bool users_turn = true;
  for (Turn& turn : turns_) {
    if (is_counted(turn) && turn.calls.empty()) {
      const bool user = turn.role == "user";
      if (user != users_turn) out.push_back(user ? turn_of("assistant", kAcknowledged) : turn_of("user", ""));
      users_turn = !user;
    }
    out.push_back(std::move(turn));
  }
  turns_ = std::move(out);
}

// -------------------------------------------------------------------------------------------------------------- writing

Json History::written(Turn& turn) {
  Json::Object out;
  out.emplace_back("role", std::move(turn.role));
  out.emplace_back("content", std::move(turn.content));
  const bool result = out.front().second == Json("tool");
  for (auto& member : turn.rest) out.push_back(std::move(member));
  if (!turn.calls.empty()) {
    Json::Array calls;
    for (const size_t c : turn.calls) calls.push_back(std::move(calls_[c].json));
    out.emplace_back("tool_calls", std::move(calls));
  }
  if (result) out.emplace_back("tool_call_id", std::move(turn.result_id));
  return out;
}

Json::Array History::messages(const Json& given, const std::string& tools_text) {
  if (const Json::Array* list = given.as_array()) {
    for (const Json& message : *list) {
      if (message.is_object()) read(message);
    }
  }
  if (turns_.empty()) turns_.push_back(turn_of("user", ""));
  add_tools_text(tools_text);
  move_systems();
  drop_empty_answers();
  link_results();
  order_results();
  set_ids();
  calls_to_text();
  split_calls();
  begin_with_user();
  merge_neighbours();
  alternate();
  Json::Array out;
  out.reserve(turns_.size());
  for (Turn& turn : turns_) out.push_back(written(turn));
  return out;
}

/// What a model is told of its tools where its template does not.
std::string tools_text(const Json& tools) {
  std::string out =
      "You can call functions. Their signatures, one JSON object per line:\n"
      "<tools>\n";
  for (const Json& tool : *tools.as_array()) out += tool.dump() + "\n";
  out +=
      "</tools>\n\n"
      "To call a function, write its name and its arguments as a JSON object between <tool_call> and </tool_call>:\n"
      "<tool_call>\n"
      "{\"name\": \"FUNCTION\", \"arguments\": {\"ARGUMENT\": \"VALUE\"}}\n"
      "</tool_call>\n\n"
      "The results come back between <tool_response> and </tool_response>. Call a function only where it helps; else answer in "
      "plain text.";
  return out;
}

}  // namespace

Json template_messages(ToolFormat format, std::string_view template_source, const Json& messages, const Json& tools) {
  const TemplateNeeds needs = template_needs(format, template_source);
  const bool any = tools.as_array() != nullptr && !tools.as_array()->empty();
  const bool in_text = any && format == ToolFormat::kGeneric;
  History history(needs, any && !in_text);
  Json out(Json::Object{});
  out.set("messages", history.messages(messages, in_text ? tools_text(tools) : ""));
  if (!any || in_text) return out;
  out.set("tools", tools);
  if (needs.xml_tools) out.set("xml_tools", tools);
  return out;
}

}  // namespace sobre

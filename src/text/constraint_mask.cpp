#include "text/constraint_mask.h"

#include <algorithm>

namespace sobre {

using Mode = Thread::Mode;

static constexpr size_t kMaxKeyBytes = 8192;  // states with more around them are not cached

/// All tokens of the tree that these threads can take.
void MaskMaker::walk(const TokenTree& tree, const Threads& threads, MaskWords& mask) {
  if (threads.empty()) return;
  for (const int32_t id : tree.root_tokens()) set_bit(mask, id);
  if (levels_.size() <= tree.depth()) levels_.resize(size_t{tree.depth()} + 1);
  levels_[0] = threads;
  const auto& nodes = tree.nodes();
  for (uint32_t i = 0; i < nodes.size();) {
    const TokenTree::Node& node = nodes[i];
    Threads& next = levels_[node.depth];
    next.clear();
    if (!take(levels_[node.depth - 1].size())) return;
    for (const Thread& t : levels_[node.depth - 1]) machine_.step(t, node.byte, next);
    if (next.empty()) {
      i = node.end;
      continue;
    }
    for (uint32_t k = 0; k < node.own_tokens; ++k) set_bit(mask, tree.tokens()[node.first_token + k]);
    ++i;
  }
}

void MaskMaker::clear_forbidden(const Threads& begin, const TokenTree& tree, uint32_t top, MaskWords& mask) {
  std::vector<Threads> levels(size_t{tree.depth()} + 1);
  const auto& nodes = tree.nodes();
  const uint16_t base = nodes[top].depth;
  levels[base] = begin;
  for (uint32_t i = top + 1; i < nodes[top].end; ++i) {
    const TokenTree::Node& node = nodes[i];
    Threads& next = levels[node.depth];
    next.clear();
    for (const Thread& t : levels[node.depth - 1]) machine_.step(t, node.byte, next);
    if (!next.empty()) continue;
    for (uint32_t k = 0; k < node.own_tokens; ++k) {
      const int32_t id = tree.tokens()[node.first_token + k];
      mask[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (id % 64));
    }
  }
}

static void add_mask(MaskWords& mask, const MaskWords& more) {
  for (size_t i = 0; i < mask.size(); ++i) mask[i] |= more[i];
}

namespace {

struct DfaState {
  int32_t q = 0;
  Encoding enc;
};

}  // namespace

/// Tokens inside a string (or text) of an automaton, by its state; cached for all places where the automaton is met.
std::shared_ptr<const StringMask> MaskMaker::automaton_mask(const Dfa& dfa, const Thread& t, uint32_t number, bool json) {
  std::string key = "d";
  const auto append = [&](const auto& value) { key.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  const TokenIndex::Impl* index = &x_;
  append(index);
  append(number);
  append(t.q);
  append(json);
  append(t.enc.kind);
  append(t.enc.left);
  append(t.enc.size);
  append(t.enc.high);
  append(t.enc.partial);
  if (auto found = g_.cache.find(key))
    return std::static_pointer_cast<const std::pair<std::shared_ptr<const TokenIndex>, std::shared_ptr<const StringMask>>>(
               found)
        ->second;
  const auto step = [this, &dfa, json](DfaState& s, uint8_t byte) {
    if (!take(1)) return StringStep::kDead;
    if (json && s.enc.between() && byte == '"') return dfa.accepts(s.q) ? StringStep::kClosed : StringStep::kDead;
    char32_t code = 0;
    switch (read_code(s.enc, byte, json, code)) {
      case EncodingStep::kFail:
        return StringStep::kDead;
      case EncodingStep::kCode:
        s.q = dfa.step(s.q, code);
        return s.q < 0 ? StringStep::kDead : StringStep::kStay;
      case EncodingStep::kMore:
        break;
    }
    const CodeRanges ranges = possible_codes(s.enc);
    for (int r = 0; r < ranges.count; ++r) {
      if (dfa.any(s.q, ranges.list[r].first, ranges.list[r].last)) return StringStep::kStay;
    }
    return StringStep::kDead;
  };
  auto made = make_string_mask(x_, DfaState{t.q, t.enc}, step);
  if (spent()) return made;
  // The index is kept with what was made of it, so that its address means it alone.
  g_.cache.put(key,
               std::make_shared<std::pair<std::shared_ptr<const TokenIndex>, std::shared_ptr<const StringMask>>>(index_, made),
               made->inside.size() * 8 + made->rest.bytes() + made->closers.bytes() + made->list_closers.bytes() + 200);
  return made;
}

bool MaskMaker::add_string(const Thread& t, MaskWords& mask) {
  const StringShape& shape = g_.schemas.strings[t.a];
  std::shared_ptr<const StringMask> found;
  if (shape.dfa < 0) {
    uint64_t max = TokenIndex::Impl::kEnough, min = shape.min > t.n ? shape.min - t.n : 0;
    if (shape.max >= 0) {
      max = static_cast<uint64_t>(shape.max) - t.n;
      if (max >= x_.max_codes) max = TokenIndex::Impl::kEnough;
    }
    min = std::min<uint64_t>(min, uint64_t{x_.max_codes} + 1);
    found = x_.free_string(t.enc, static_cast<uint32_t>(min), static_cast<uint32_t>(max));
  } else {
    found = automaton_mask(g_.schemas.dfas[static_cast<size_t>(shape.dfa)], t, static_cast<uint32_t>(shape.dfa), true);
  }
  add_mask(mask, found->inside);
  Threads after;
  machine_.done(t.frame, after);
  walk(found->rest, after, mask);
  return true;
}

/// A pattern of the outer grammar with nothing after it: no token leaves it.
bool MaskMaker::add_regex(const Thread& t, MaskWords& mask) {
  Threads after;
  machine_.done(t.frame, after);
  const bool last = std::all_of(after.begin(), after.end(), [](const Thread& a) { return a.mode == Mode::kAccept; });
  if (!last) return false;
  add_mask(mask, automaton_mask(g_.schemas.dfas[t.a], t, t.a, false)->inside);
  return true;
}

bool MaskMaker::add_key(const Thread& t, MaskWords& mask) {
  if (!machine_.key_is_open(t)) return false;
  const auto found = x_.free_string(t.enc, 0, TokenIndex::Impl::kEnough);
  add_mask(mask, found->inside);
  walk(t.frame->list != 0 ? found->list_closers : found->closers, {t}, mask);
  return true;
}

MaskWords MaskMaker::compute(const Threads& threads) {
  MaskWords mask((static_cast<size_t>(x_.vocab_size) + 63) / 64, 0);
  Threads others;
  for (const Thread& t : threads) {
    switch (t.mode) {
      case Mode::kAccept:
        for (const int32_t id : x_.stops) set_bit(mask, id);
        break;
      case Mode::kToken: {
        const int32_t id = g_.ops[t.a].token;
        if (id < x_.vocab_size) set_bit(mask, id);
        break;
      }
      case Mode::kString:
        add_string(t, mask);
        break;
      case Mode::kRegex:
        if (!add_regex(t, mask)) others.push_back(t);
        break;
      case Mode::kKey:
        if (!add_key(t, mask)) others.push_back(t);
        break;
      default:
        others.push_back(t);
    }
  }
  walk(x_.tree, others, mask);
  return mask;
}

void MaskMaker::append_frame(const Frame* frame, std::string& key) const {
  const auto append = [&](const auto& value) { key.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  for (; frame != nullptr && key.size() <= kMaxKeyBytes; frame = frame->up) {
    append(frame->kind);
    append(frame->list);
    append(frame->shape);
    append(frame->count);
    append(frame->met);
    if (frame->seen != nullptr) key.append(frame->seen->data(), frame->seen->size);
    if (frame->counts != nullptr) key.append(frame->counts->data(), frame->counts->size);
    const uint32_t extras = frame->extras == nullptr ? 0 : static_cast<uint32_t>(frame->extras->as<ExtraName>().size());
    append(extras);
    for (uint32_t i = 0; i < extras; ++i) {
      const ExtraName& extra = frame->extras->as<ExtraName>()[i];
      append(extra.label);
      append(extra.name->size);
      key.append(extra.name->data(), extra.name->size);
    }
  }
}

std::string MaskMaker::key_of(const Threads& threads) const {
  std::string key = "m";
  const auto append = [&](const auto& value) { key.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  const TokenIndex::Impl* index = &x_;
  append(index);
  for (const Thread& t : threads) {
    append(t.mode);
    append(t.a);
    append(t.q);
    append(t.n);
    append(t.enc.kind);
    append(t.enc.left);
    append(t.enc.size);
    append(t.enc.high);
    append(t.enc.partial);
    if (t.mode == Mode::kKey) {
      append(t.first);
      append(t.last);
      append(t.pos);
      // What the name is matters only to a token that holds a further whole name.
      for (const NameLetter* l = t.text; x_.two_names && l != nullptr; l = l->before) append(l->code);
    }
    if (t.mode == Mode::kNumber) {
      const NumberState& n = t.number;
      append(n.phase);
      append(n.negative);
      append(n.fraction);
      append(n.ints);
      append(n.fracs);
      append(n.first);
      append(n.second);
      append(n.e_digits);
      append(n.e_negative);
      append(n.e);
      append(n.digits);
    }
    append_frame(t.frame, key);
    key += '|';
    if (key.size() > kMaxKeyBytes) return "";
  }
  return key;
}

std::shared_ptr<const MaskWords> MaskMaker::mask(const Threads& threads) {
  using Entry = std::pair<std::shared_ptr<const TokenIndex>, MaskWords>;
  const std::string key = key_of(threads);
  if (!key.empty()) {
    if (auto found = g_.cache.find(key)) {
      auto entry = std::static_pointer_cast<const Entry>(found);
      return {entry, &entry->second};
    }
  }
  auto entry = std::make_shared<Entry>(index_, compute(threads));
  if (spent()) {
    std::fill(entry->second.begin(), entry->second.end(), 0);
    return {entry, &entry->second};
  }
  if (!key.empty()) g_.cache.put(key, entry, entry->second.size() * 8 + key.size());
  return {entry, &entry->second};
}

}  // namespace sobre

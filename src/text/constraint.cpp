#include "text/constraint.h"

#include <algorithm>
#include <array>

#include "text/constraint_mask.h"

namespace sobre {

namespace {

/// Finds the first of some strings in a stream of bytes (Aho and Corasick's automaton).
class TriggerFinder {
 public:
  explicit TriggerFinder(const std::vector<std::string>& triggers) {
    nodes_.emplace_back();
    for (const std::string& trigger : triggers) {
      if (trigger.empty()) continue;
      uint32_t at = 0;
      for (const char c : trigger) {
        uint32_t next = nodes_[at].next[static_cast<uint8_t>(c)];
        if (next == 0) {
          next = static_cast<uint32_t>(nodes_.size());
          nodes_[at].next[static_cast<uint8_t>(c)] = next;
          nodes_.emplace_back();
        }
        at = next;
      }
      nodes_[at].found = true;
    }
    std::vector<std::pair<uint32_t, uint32_t>> queue;  // node, where it falls back to
    for (const uint32_t child : nodes_[0].next) {
      if (child != 0) queue.emplace_back(child, 0);
    }
    for (size_t i = 0; i < queue.size(); ++i) {
      const auto [node, back] = queue[i];
      nodes_[node].found |= nodes_[back].found;
      for (size_t c = 0; c < 256; ++c) {
        const uint32_t child = nodes_[node].next[c];
        if (child != 0) {
          queue.emplace_back(child, nodes_[back].next[c]);
        } else {
          nodes_[node].next[c] = nodes_[back].next[c];
        }
      }
    }
  }
  [[nodiscard]] uint32_t step(uint32_t state, char c) const { return nodes_[state].next[static_cast<uint8_t>(c)]; }
  [[nodiscard]] bool found(uint32_t state) const { return nodes_[state].found; }

 private:
  struct Node {
    std::array<uint32_t, 256> next{};
    bool found = false;
  };
  std::vector<Node> nodes_;
};

constexpr uint64_t kMaxStoreBytes = 2 << 20;  // then what is still in use is copied
constexpr size_t kMaxAllowed = 4096;

}  // namespace

struct Constraint::Impl {
  std::shared_ptr<const Grammar> grammar;
  std::shared_ptr<const TokenIndex> index;
  ConstraintStart start;
  std::unique_ptr<TriggerFinder> finder;
  std::unique_ptr<StateStore> store = std::make_unique<StateStore>();
  Threads threads;
  bool active = false, stopped = false, too_costly = false;
  uint32_t waiting = 0;  // state of the finder
  std::shared_ptr<const MaskWords> mask;

  [[nodiscard]] const Grammar::Impl& g() const { return grammar->impl(); }
  [[nodiscard]] const TokenIndex::Impl& x() const { return index->impl(); }

  void begin(Threads& out) { Machine(g(), *store).begin(out); }
  bool take_bytes(const Threads& from, std::string_view bytes, Threads& out) const;
  bool accept_waiting(int32_t id);
  std::shared_ptr<const MaskWords> waiting_mask();
  bool complete() const {
    return std::any_of(threads.begin(), threads.end(), [](const Thread& t) { return t.mode == Thread::Mode::kAccept; });
  }
  void compact();
  int next_byte(const Threads& from) const;
  int32_t next_token(const Threads& from) const;
  void add_forced(std::string& bytes, bool last, std::vector<int32_t>& ids, size_t max) const;
};

/// Moves all threads over the bytes. Should the limit on threads ever drop the way of this token, each thread goes alone.
bool Constraint::Impl::take_bytes(const Threads& from, std::string_view bytes, Threads& out) const {
  Machine machine(g(), *store);
  const auto run = [&](const Threads& begin) {
    Threads now = begin, next;
    for (const char c : bytes) {
      next.clear();
      for (const Thread& t : now) machine.step(t, static_cast<uint8_t>(c), next);
      std::swap(now, next);
      if (now.empty()) break;
    }
    return now;
  };
  out = run(from);
  for (size_t i = 0; out.empty() && from.size() >= Machine::kMaxThreads / 2 && i < from.size(); ++i) out = run({from[i]});
  return !out.empty();
}

/// Copies frames and letters that are still in use.
void Constraint::Impl::compact() {
  if (store->bytes() < kMaxStoreBytes && store->allowed.size() < kMaxAllowed) return;
  auto fresh = std::make_unique<StateStore>();
  const auto copy_blob = [&](const Blob* b) { return b == nullptr ? nullptr : fresh->blob(b->data(), b->size); };
  for (Thread& t : threads) {
    std::vector<const Frame*> chain;
    for (const Frame* f = t.frame; f != nullptr; f = f->up) chain.push_back(f);
    const Frame* up = nullptr;
    for (size_t i = chain.size(); i-- > 0;) {
      Frame frame = *chain[i];
      frame.up = up;
      frame.seen = copy_blob(frame.seen);
      frame.counts = copy_blob(frame.counts);
      if (frame.extras != nullptr) {
        std::vector<ExtraName> extras(frame.extras->as<ExtraName>().begin(), frame.extras->as<ExtraName>().end());
        for (ExtraName& extra : extras) extra.name = copy_blob(extra.name);
        frame.extras = fresh->blob(extras.data(), extras.size() * sizeof(ExtraName));
      }
      up = fresh->frame(frame);
    }
    t.frame = up;
    std::vector<uint64_t> letters;
    for (const NameLetter* l = t.text; l != nullptr; l = l->before) letters.push_back(l->code);
    t.text = nullptr;
    for (size_t i = letters.size(); i-- > 0;) t.text = fresh->letter(t.text, static_cast<char32_t>(letters[i]));
  }
  store = std::move(fresh);
}

Constraint::Constraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenIndex> index, ConstraintStart start)
    : impl_(std::make_unique<Impl>()) {
  impl_->grammar = std::move(grammar);
  impl_->index = std::move(index);
  impl_->start = std::move(start);
  impl_->active = impl_->start.at_once();
  if (impl_->active) {
    impl_->begin(impl_->threads);
  } else {
    impl_->finder = std::make_unique<TriggerFinder>(impl_->start.triggers);
  }
}
Constraint::~Constraint() = default;
Constraint::Constraint(Constraint&&) noexcept = default;
Constraint& Constraint::operator=(Constraint&&) noexcept = default;

std::shared_ptr<const MaskWords> Constraint::Impl::waiting_mask() {
  using Entry = std::pair<std::shared_ptr<const TokenIndex>, MaskWords>;
  const TokenIndex::Impl* address = &x();
  std::string key = "w";
  key.append(reinterpret_cast<const char*>(&address), sizeof(address));
  key += fmt::format("{}", waiting);
  for (const std::string& trigger : start.triggers) key += fmt::format(",{}:{}", trigger.size(), trigger);
  if (auto found = g().cache.find(key)) {
    auto entry = std::static_pointer_cast<const Entry>(found);
    return {entry, &entry->second};
  }
  MaskWords all((static_cast<size_t>(x().vocab_size) + 63) / 64, ~uint64_t{0});
  if (x().vocab_size % 64 != 0 && !all.empty()) all.back() = (uint64_t{1} << (x().vocab_size % 64)) - 1;
  const TokenTree& tree = x().tree;
  std::vector<uint32_t> states(size_t{tree.depth()} + 1, waiting);
  MaskMaker maker(g(), index, *store);
  Threads first;
  begin(first);
  for (uint32_t i = 0; i < tree.nodes().size();) {
    const TokenTree::Node& node = tree.nodes()[i];
    states[node.depth] = finder->step(states[node.depth - 1], static_cast<char>(node.byte));
    if (!finder->found(states[node.depth])) {
      ++i;
      continue;
    }
    maker.clear_forbidden(first, tree, i, all);
    i = node.end;
  }
  auto entry = std::make_shared<Entry>(index, std::move(all));
  g().cache.put(key, entry, entry->second.size() * 8);
  return {entry, &entry->second};
}

std::span<const uint64_t> Constraint::mask() {
  Impl& c = *impl_;
  if (!c.mask) {
    if (c.stopped) {
      auto none = std::make_shared<MaskWords>((static_cast<size_t>(c.x().vocab_size) + 63) / 64, 0);
      for (const int32_t id : c.x().stops) set_bit(*none, id);
      c.mask = none;
    } else {
      MaskMaker maker(c.g(), c.index, *c.store);
      c.mask = c.active ? maker.mask(c.threads) : c.waiting_mask();
      c.too_costly = maker.spent();
    }
  }
  return *c.mask;
}

bool Constraint::too_costly() const { return impl_->too_costly; }

bool Constraint::Impl::accept_waiting(int32_t id) {
  if (std::find(start.trigger_tokens.begin(), start.trigger_tokens.end(), id) != start.trigger_tokens.end()) {
    active = true;
    begin(threads);
    return true;
  }
  if (id < 0 || id >= x().vocab_size) return false;
  if (x().is_stop(id)) return stopped = true;
  if (x().tokenizer->is_special(id)) return waiting = 0, true;
  uint32_t state = waiting;
  const std::string_view bytes = x().bytes_of(id);
  for (size_t i = 0; i < bytes.size(); ++i) {
    state = finder->step(state, bytes[i]);
    if (!finder->found(state)) continue;
    Threads first, after;
    begin(first);
    if (!take_bytes(first, bytes.substr(i + 1), after)) return false;
    threads = std::move(after);
    return active = true;
  }
  waiting = state;
  return true;
}

bool Constraint::accept(int32_t id) {
  Impl& c = *impl_;
  if (c.stopped) return c.x().is_stop(id);
  if (!c.active) {
    if (!c.accept_waiting(id)) return false;
    c.mask = nullptr;
    return true;
  }
  if (id < 0 || id >= c.x().vocab_size) return false;
  Threads next;
  Machine machine(c.g(), *c.store);
  for (const Thread& t : c.threads) machine.step_token(t, id, next);
  if (next.empty()) {
    if (c.x().is_stop(id)) {
      if (!c.complete()) return false;
      c.stopped = true;
      c.mask = nullptr;
      return true;
    }
    const std::string_view bytes = c.x().bytes_of(id);
    if (bytes.empty() || c.x().tokenizer->is_special(id) || !c.take_bytes(c.threads, bytes, next)) return false;
  }
  c.threads = std::move(next);
  c.mask = nullptr;
  c.compact();
  return true;
}

bool Constraint::complete() const { return impl_->stopped || !impl_->active || impl_->complete(); }

bool Constraint::ended() const {
  if (impl_->stopped) return true;
  return impl_->active && std::all_of(impl_->threads.begin(), impl_->threads.end(),
                                      [](const Thread& t) { return t.mode == Thread::Mode::kAccept; });
}

bool Constraint::active() const { return impl_->active; }

/// The only byte that may come next; -1: none or several.
int Constraint::Impl::next_byte(const Threads& from) const {
  Machine machine(g(), *store);
  Threads next;
  int only = -1;
  const bool literal = std::all_of(from.begin(), from.end(), [](const Thread& t) { return t.mode == Thread::Mode::kByte; });
  if (literal) {
    for (const Thread& t : from) {
      const int byte = g().ops[t.a].byte;
      if (only >= 0 && only != byte) return -1;
      only = byte;
    }
    return only;
  }
  // Likely ones first, so that the second of several is found soon.
  static constexpr std::string_view kLikely = "ae\",:} ]0-";
  const auto allowed = [&](int b) {
    next.clear();
    for (const Thread& t : from) {
      machine.step(t, static_cast<uint8_t>(b), next);
      if (!next.empty()) return true;
    }
    return false;
  };
  for (const char c : kLikely) {
    if (!allowed(static_cast<uint8_t>(c))) continue;
    if (only >= 0) return -1;
    only = static_cast<uint8_t>(c);
  }
  for (int b = 0; b < 256; ++b) {
    if (kLikely.find(static_cast<char>(b)) != std::string_view::npos || !allowed(b)) continue;
    if (only >= 0) return -1;
    only = b;
  }
  return only;
}

int32_t Constraint::Impl::next_token(const Threads& from) const {
  int32_t only = -1;
  for (const Thread& t : from) {
    if (t.mode != Thread::Mode::kToken) return -1;
    const int32_t id = g().ops[t.a].token;
    if (only >= 0 && only != id) return -1;
    only = id;
  }
  return only;
}

/// The ids of forced bytes, without those that the text after them could change.
void Constraint::Impl::add_forced(std::string& bytes, bool last, std::vector<int32_t>& ids, size_t max) const {
  std::vector<int32_t> sure = tokens_of_bytes(x(), bytes);
  if (!last) {
    for (const std::string_view tail : {"a", "0", " ", "\"", ",", "}", ":", "\n", "e1", "\xC3\xA9"}) {
      const std::vector<int32_t> other = tokens_of_bytes(x(), bytes + std::string(tail));
      size_t same = 0;
      while (same < sure.size() && same < other.size() && sure[same] == other[same]) ++same;
      sure.resize(same);
    }
  }
  for (size_t i = 0; i < sure.size() && ids.size() < max; ++i) ids.push_back(sure[i]);
  bytes.clear();
}

void Constraint::forced(std::vector<int32_t>& ids, size_t max) const {
  const Impl& c = *impl_;
  if (!c.active || c.stopped) return;
  const size_t max_bytes = 32 + 8 * std::min<size_t>(max, 512);  // longer stretches come in several calls
  std::vector<int32_t> out;
  std::string bytes;
  Threads now = c.threads, next;
  Machine machine(c.g(), *c.store);
  const auto complete = [&] {
    return std::any_of(now.begin(), now.end(), [](const Thread& t) { return t.mode == Thread::Mode::kAccept; });
  };
  while (out.size() < max && bytes.size() < max_bytes && !complete()) {
    next.clear();
    const int32_t token = c.next_token(now);
    if (token >= 0) {
      c.add_forced(bytes, true, out, max);
      if (out.size() >= max) break;
      out.push_back(token);
      for (const Thread& t : now) machine.step_token(t, token, next);
    } else {
      // A control token that is possible beside bytes: nothing is forced.
      const bool tokens = std::any_of(now.begin(), now.end(), [](const Thread& t) { return t.mode == Thread::Mode::kToken; });
      const int byte = tokens ? -1 : c.next_byte(now);
      if (byte < 0) break;
      bytes += static_cast<char>(byte);
      for (const Thread& t : now) machine.step(t, static_cast<uint8_t>(byte), next);
    }
    std::swap(now, next);
  }
  const bool ended = std::all_of(now.begin(), now.end(), [](const Thread& t) { return t.mode == Thread::Mode::kAccept; });
  c.add_forced(bytes, ended, out, max);
  ids.insert(ids.end(), out.begin(), out.end());
}

void Constraint::shortest_completion(std::vector<int32_t>& ids) const {
  const Impl& c = *impl_;
  if (!c.active || c.stopped || c.complete()) return;
  for (const CompletionPiece& piece : shortest_way(c.g(), *c.store, c.threads)) {
    if (piece.token >= 0) {
      ids.push_back(piece.token);
    } else {
      const std::vector<int32_t> more = tokens_of_bytes(c.x(), piece.bytes);
      ids.insert(ids.end(), more.begin(), more.end());
    }
  }
}

}  // namespace sobre

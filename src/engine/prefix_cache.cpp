#include "engine/prefix_cache.h"

#include <algorithm>
#include <cstring>

namespace sobre {

namespace {

// Copying a page costs what computing a token or two costs; fewer are not worth it.
constexpr size_t kLeastCopied = 4;

}  // namespace

Result<PrefixCache> PrefixCache::create(const DecoderSpec& spec, KvType type, int n_pages) {
  PrefixCache cache;
  TRY(cache.pool_, KvPool::create(spec, type, n_pages));
  cache.references_.assign(static_cast<size_t>(n_pages), 0);
  cache.node_of_.assign(static_cast<size_t>(n_pages), -1);
  return cache;
}

int PrefixCache::acquire() {
  int page = pool_.acquire();
  if (page < 0 && evict()) page = pool_.acquire();
  if (page >= 0) references_[static_cast<size_t>(page)] = 1;
  return page;
}

void PrefixCache::retain(int page) {
  int& count = references_[static_cast<size_t>(page)];
  if (count == 1 && node_of_[static_cast<size_t>(page)] >= 0) --idle_;
  ++count;
}

void PrefixCache::release(int page) {
  int& count = references_[static_cast<size_t>(page)];
  CHECK(count > 0);
  --count;
  if (count == 0) pool_.release(page);
  if (count == 1 && node_of_[static_cast<size_t>(page)] >= 0) ++idle_;
}

int PrefixCache::make_node(int parent) {
  int index = 0;
  if (free_nodes_.empty()) {
    index = static_cast<int>(nodes_.size());
    nodes_.emplace_back();
  } else {
    index = free_nodes_.back();
    free_nodes_.pop_back();
    nodes_[static_cast<size_t>(index)] = {};
  }
  nodes_[static_cast<size_t>(index)].parent = parent;
  if (parent >= 0) nodes_[static_cast<size_t>(parent)].children.push_back(index);
  return index;
}

int PrefixCache::root_of(const std::string& scope) {
  const auto found = roots_.find(scope);
  if (found != roots_.end()) return found->second;
  const int root = make_node(-1);
  nodes_[static_cast<size_t>(root)].scope = scope;
  roots_.emplace(scope, root);
  return root;
}

// Takes a leaf out of the tree, and roots that have lost their last child with it.
void PrefixCache::drop(int index) {
  Node& node = nodes_[static_cast<size_t>(index)];
  const int parent = node.parent;
  const int page = node.page;
  if (page >= 0) {
    if (references_[static_cast<size_t>(page)] == 1) --idle_;
    node_of_[static_cast<size_t>(page)] = -1;
    release(page);
  }
  if (parent < 0) roots_.erase(node.scope);
  node = {};
  free_nodes_.push_back(index);
  if (parent < 0) return;
  Node& above = nodes_[static_cast<size_t>(parent)];
  std::erase(above.children, index);
  if (above.parent < 0 && above.children.empty()) drop(parent);
}

// The pages number some thousands at most, and a page is wanted every 64 tokens: looking at all of them is cheap enough.
bool PrefixCache::evict() {
  if (idle_ == 0) return false;
  int oldest = -1;
  for (size_t page = 0; page < node_of_.size(); ++page) {
    const int index = node_of_[page];
    if (index < 0 || references_[page] != 1) continue;
    const Node& node = nodes_[static_cast<size_t>(index)];
    if (!node.children.empty()) continue;
    if (oldest < 0 || node.used < nodes_[static_cast<size_t>(oldest)].used) oldest = index;
  }
  CHECK(oldest >= 0);  // whoever holds a page holds those before it, so an idle page has an idle leaf below it
  drop(oldest);
  return true;
}

size_t PrefixCache::shared_length(const Node& node, std::span<const int32_t> ids) const {
  const size_t n = std::min(node.ids.size(), ids.size());
  size_t i = 0;
  while (i < n && node.ids[i] == ids[i]) ++i;
  return i;
}

PrefixCache::Prefix PrefixCache::find(const std::string& scope, std::span<const int32_t> ids) {
  Prefix found;
  const auto root = roots_.find(scope);
  if (root == roots_.end()) return found;
  int at = root->second;
  for (;;) {
    const std::span<const int32_t> rest = ids.subspan(static_cast<size_t>(found.positions));
    int best = -1;
    size_t length = 0;
    for (const int child : nodes_[static_cast<size_t>(at)].children) {
      const size_t n = shared_length(nodes_[static_cast<size_t>(child)], rest);
      if (n > length) {
        best = child;
        length = n;
      }
    }
    if (best < 0) return found;
    Node& node = nodes_[static_cast<size_t>(best)];
    if (length == static_cast<size_t>(kPagePositions)) {
      node.used = ++clock_;
      retain(node.page);
      found.pages.push_back(node.page);
      found.positions += kPagePositions;
      at = best;
      continue;
    }
    if (length < kLeastCopied) return found;
    node.used = ++clock_;
    const int source = node.page;
    retain(source);
    const int copy = acquire();
    if (copy >= 0) {
      std::memcpy(pool_.keys(copy, 0, 0), pool_.keys(source, 0, 0), pool_.page_bytes());
      found.pages.push_back(copy);
      found.positions += static_cast<int>(length);
    }
    release(source);
    return found;
  }
}

// Leaves that hold a beginning of these ids and no more are of no further use.
void PrefixCache::drop_superseded(int parent, std::span<const int32_t> ids) {
  const std::vector<int> children = nodes_[static_cast<size_t>(parent)].children;
  for (const int child : children) {
    const Node& node = nodes_[static_cast<size_t>(child)];
    if (node.ids.size() >= ids.size() || !node.children.empty()) continue;
    if (references_[static_cast<size_t>(node.page)] != 1) continue;
    if (shared_length(node, ids) == node.ids.size()) drop(child);
  }
}

void PrefixCache::keep(const std::string& scope, std::span<const int32_t> ids, std::span<int> pages) {
  if (ids.empty()) return;
  int at = root_of(scope);
  for (size_t page = 0; page * kPagePositions < ids.size(); ++page) {
    const size_t from = page * kPagePositions;
    const std::span<const int32_t> block = ids.subspan(from, std::min<size_t>(kPagePositions, ids.size() - from));
    int next = -1;
    for (const int child : nodes_[static_cast<size_t>(at)].children) {
      if (shared_length(nodes_[static_cast<size_t>(child)], block) == block.size()) next = child;
    }
    if (next >= 0 && block.size() == static_cast<size_t>(kPagePositions)) {
      const int kept = nodes_[static_cast<size_t>(next)].page;
      if (kept != pages[page]) {
        retain(kept);
        release(pages[page]);
        pages[page] = kept;
      }
    } else if (next < 0) {
      next = make_node(at);
      Node& node = nodes_[static_cast<size_t>(next)];
      node.page = pages[page];
      node.ids.assign(block.begin(), block.end());
      retain(node.page);
      node_of_[static_cast<size_t>(node.page)] = next;
      drop_superseded(at, block);
    }
    nodes_[static_cast<size_t>(next)].used = ++clock_;
    at = next;
    if (block.size() < static_cast<size_t>(kPagePositions)) return;
  }
}

void PrefixCache::clear() {
  while (evict()) {
  }
}

}  // namespace sobre

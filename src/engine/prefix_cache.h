// The pages of a scheduler's KV cache: counted references, and a radix tree of the prefixes that may be used again. Blocks of
// 64 tokens are the tree's edges; tokens are compared in full, never by a hash alone, and each scope has a tree of its own:
// nobody can tell what another scope has asked. Kept pages go, least recently used first, when running answers need room. Used
// by one thread (the engine's).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/kv_cache.h"

namespace sobre {

class PrefixCache {
 public:
  [[nodiscard]] static Result<PrefixCache> create(const DecoderSpec& spec, KvType type, int n_pages);

  [[nodiscard]] KvPool& pool() { return pool_; }
  [[nodiscard]] int n_pages() const { return static_cast<int>(references_.size()); }
  /// Pages that hold prefixes no running answer uses.
  [[nodiscard]] int kept_pages() const { return idle_; }
  /// Pages that acquire() could still give, kept ones included.
  [[nodiscard]] int available_pages() const { return pool_.free_pages() + idle_; }

  /// A page with one reference, the least recently used prefix giving way when none is free; -1: all are in use.
  [[nodiscard]] int acquire();
  void retain(int page);
  void release(int page);

  struct Prefix {
    std::vector<int> pages;  // one reference each, the caller's to release
    int positions = 0;       // how many positions they hold; the last page may be filled in part and is the caller's alone
  };
  /// The longest beginning of `ids` that this scope has kept. Whole pages are shared; of a page that agrees in part a copy is
  /// made (where a page is to be had).
  [[nodiscard]] Prefix find(const std::string& scope, std::span<const int32_t> ids);
  /// Keeps what pages hold of these ids, positions 0 .. ids.size() - 1. The caller's references stay the caller's; it must not
  /// write into these positions any more. A whole page that is kept already (the same tokens have the same bits) takes the
  /// place of the caller's in `pages`: so whoever holds a page holds those before it in the tree.
  void keep(const std::string& scope, std::span<const int32_t> ids, std::span<int> pages);
  /// Forgets every prefix that no answer uses.
  void clear();

 private:
  struct Node {
    int parent = -1, page = -1;
    uint64_t used = 0;
    std::vector<int32_t> ids;  // kPagePositions, fewer in a leaf, none in a root
    std::vector<int> children;
    std::string scope;  // roots
  };
  [[nodiscard]] int root_of(const std::string& scope);
  [[nodiscard]] int make_node(int parent);
  void drop(int node);
  [[nodiscard]] bool evict();
  [[nodiscard]] size_t shared_length(const Node& node, std::span<const int32_t> ids) const;
  void drop_superseded(int parent, std::span<const int32_t> ids);

  KvPool pool_;
  std::vector<int> references_;  // per page
  std::vector<int> node_of_;     // per page: the node that keeps it, or -1
  std::vector<Node> nodes_;
  std::vector<int> free_nodes_;
  std::unordered_map<std::string, int> roots_;
  uint64_t clock_ = 0;
  int idle_ = 0;
};

}  // namespace sobre

// Shared by the fuzzers of grammars: pseudo-random walks through an automaton that must never end in a dead end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "text/constraint.h"
#include "text/unicode.h"

namespace sobre::fuzzing {

/// Every byte and some longer tokens.
inline const Tokenizer& all_bytes() {
  static const Tokenizer tokenizer = [] {
    VocabData v;
    v.model = "gpt2";
    v.pre = "gpt-2";
    for (unsigned b = 0, other = 0x100; b < 256; ++b) {
      const bool plain = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      v.tokens.emplace_back();
      append_utf8(v.tokens.back(), plain ? b : other++);
    }
    for (const char* token : {"{\"",  "\":", "\",", "\"}",   "}}",   "]]",    "[[",    "[]",       "{}", "null",
                              "true", "12",  "0.",  "\\u00", "\\\"", "\",\"", "\":\"", "a\":1,\"", "ab", "\xC3\x83\xC2\xA9"}) {
      v.tokens.emplace_back(token);
    }
    v.tokens.emplace_back("<end>");
    v.types.assign(v.tokens.size(), TokenType::kNormal);
    v.types.back() = TokenType::kControl;
    auto made = Tokenizer::from_vocab(std::move(v));
    if (!made) std::abort();
    return std::move(*made);
  }();
  return tokenizer;
}

/// Walks: every mask has a token, every token of a mask is taken, the shortest way ends in a complete text that matches.
inline void walk(const std::shared_ptr<const Grammar>& grammar, uint64_t seed) {
  const Tokenizer& tokenizer = all_bytes();
  const int32_t stop = tokenizer.vocab_size() - 1;
  static const auto index = TokenIndex::build(tokenizer, std::vector<int32_t>{stop}, stop + 1);
  for (uint32_t round = 0; round < 3; ++round) {
    Constraint constraint(grammar, index);
    std::string text;
    const auto take = [&](int32_t id) {
      if (!constraint.accept(id)) std::abort();
      text += tokenizer.token_bytes(id);
    };
    for (uint64_t n = 0; n < 40 && !constraint.ended(); ++n) {
      std::vector<int32_t> ids;
      const auto mask = constraint.mask();
      for (int32_t id = 0; id <= stop; ++id) {
        if ((mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0) ids.push_back(id);
      }
      if (ids.empty()) std::abort();
      const int32_t id = ids[static_cast<size_t>(random_unit(seed, round, n) * static_cast<double>(ids.size()))];
      if (id == stop) {
        if (!constraint.complete()) std::abort();
        break;
      }
      std::vector<int32_t> forced;
      constraint.forced(forced, 4);
      if (!forced.empty() && (ids.size() != 1 || n % 2 == 0)) {
        for (const int32_t f : forced) take(f);
      } else {
        take(id);
      }
    }
    std::vector<int32_t> rest;
    constraint.shortest_completion(rest);
    for (const int32_t id : rest) take(id);
    if (!constraint.complete() || !grammar->matches(text)) std::abort();
  }
}

}  // namespace sobre::fuzzing

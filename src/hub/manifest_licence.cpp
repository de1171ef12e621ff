// Which licences are known to forbid commercial use. What is not known is not claimed: a wrong warning would teach users to
// overlook the right ones.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "hub/manifest.h"

namespace sobre {

namespace {

using Words = std::vector<std::string>;

// The words of an identifier in lower case: "CC-BY-NC-4.0" is cc, by, nc, 4, 0.
Words words_of(std::string_view text) {
  Words words;
  bool inside = false;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool part = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (part && !inside) words.emplace_back();
    if (part) words.back() += upper ? static_cast<char>(c + 32) : c;
    inside = part;
  }
  return words;
}

bool has(const Words& words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); }

bool has_pair(const Words& words, std::string_view first, std::string_view second) {
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i - 1] == first && words[i] == second) return true;
  }
  return false;
}

// "commercial" that nothing before it takes back, as in "research-and-commercial-use".
bool grants_commercial_use(const Words& words) {
  constexpr std::array<std::string_view, 4> kNegations = {"non", "no", "not", "without"};
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "commercial") continue;
    if (i == 0 || std::find(kNegations.begin(), kNegations.end(), words[i - 1]) == kNegations.end()) return true;
  }
  return false;
}

// A licence for research: "qwen-research", "intel-research", "mistral-ai-research-license", "research-only", "research use".
bool is_for_research(const Words& words) {
  constexpr std::array<std::string_view, 6> kAfter = {"license", "licence", "agreement", "only", "use", "purposes"};
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "research") continue;
    if (i + 1 == words.size() || std::find(kAfter.begin(), kAfter.end(), words[i + 1]) != kAfter.end()) return true;
  }
  return false;
}

std::string reason_in(std::string_view text) {
  const Words words = words_of(text);
  if (words.empty() || grants_commercial_use(words)) return "";
  if (has(words, "cc") && has(words, "nc")) return "it is a Creative Commons licence for non-commercial use";
  if (has(words, "mnpl") || has_pair(words, "non", "production")) {
    return "it is Mistral's licence for use outside of production (MNPL)";
  }
  if (has(words, "mrl") || (has(words, "mistral") && is_for_research(words))) return "it is Mistral's research licence (MRL)";
  if (has(words, "amlr")) return "it is Apple's licence for research";
  if (words == Words{"exaone"}) return "the EXAONE licences are for research";
  if (has(words, "nc") || has(words, "noncommercial") || has_pair(words, "non", "commercial") ||
      has_pair(words, "no", "commercial") || has_pair(words, "not", "commercial")) {
    return "it is a licence for non-commercial use";
  }
  return is_for_research(words) ? "it is a licence for research only" : "";
}

}  // namespace

std::string forbids_commercial_use(std::string_view licence, std::string_view licence_name) {
  const std::string reason = reason_in(licence);
  return reason.empty() ? reason_in(licence_name) : reason;
}

}  // namespace sobre

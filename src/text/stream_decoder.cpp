#include <utility>

#include "text/tokenizer_impl.h"

namespace sobre {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  size_t pos = 0;
  for (; at != std::string::npos; at = text.find(from, pos)) {
    out.append(text, pos, at - pos).append(to);
    pos = at + from.size();
  }
  text = out.append(text, pos);
}

void clean_up_spaces(std::string& text) {
  if (text.find(' ') == std::string::npos) return;
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer), skip_special_(skip_special), strip_left_(tokenizer.impl_->decode.strip_max) {}

/// Passes text on, without what is to be stripped off the beginning.
void StreamDecoder::write(std::string_view text, std::string& out) {
  const std::string& strip = tokenizer_->impl_->decode.strip;
  while (strip_left_ > 0 && !text.empty()) {
    if (!text.starts_with(strip)) {
      strip_left_ = 0;
      break;
    }
    text.remove_prefix(strip.size());
    --strip_left_;
    if (tokenizer_->impl_->decode.strip_once_a_token) {
      if (!text.empty()) strip_left_ = 0;
      break;
    }
  }
  out.append(text);
}

/// Passes on what is certain of the pending bytes; at the end (of the text, or of a run of byte tokens) all of them.
void StreamDecoder::release(bool final, std::string& out) {
  if (pending_.empty()) return;
  const auto runs = tokenizer_->impl_->decode.byte_runs;
  std::string ready;
  size_t pos = 0;
  if (runs == DecodeRules::ByteRuns::kWholeRun) {
    if (!final) return;
    if (is_valid_utf8(pending_)) {
      ready = pending_;
    } else {
      for (size_t i = 0; i < pending_.size(); ++i) ready.append(kReplacement);
    }
    pos = pending_.size();
  }
  while (pos < pending_.size()) {
    const Utf8Char c = decode_utf8(pending_, pos);
    if (c.status == Utf8Status::kIncomplete && !final) break;
    if (c.status == Utf8Status::kOk) {
      ready.append(pending_, pos, c.size);
      pos += c.size;
    } else {
      ready.append(kReplacement);
      pos += runs == DecodeRules::ByteRuns::kEachByte ? 1 : c.size;
    }
  }
  pending_.erase(0, pos);
  if (runs == DecodeRules::ByteRuns::kEachByte && !ready.empty()) strip_left_ = 0;  // a byte is never the space put before
  write(ready, out);
}

void StreamDecoder::push(int32_t id, std::string& out) {
  const Tokenizer::Impl& impl = *tokenizer_->impl_;
  if (id < 0 || id >= impl.table.size() || impl.table[id].empty()) return;
  if (skip_special_ && impl.special[static_cast<size_t>(id)]) return;
  const bool joined = impl.decode.byte_runs == DecodeRules::ByteRuns::kJoined;
  if (joined || impl.byte_token[static_cast<size_t>(id)]) {
    pending_.append(impl.pieces[id]);
    first_ = false;
    return release(false, out);
  }
  if (!impl.decode.word_end.empty()) {
    if (held_ != kNoToken) write(impl.pieces[held_], out);
    held_ = id;
    return;
  }
  release(true, out);
  if (id == impl.decode.unstripped) strip_left_ = 0;
  const bool first = std::exchange(first_, false);
  if (!first || impl.decode.first == DecodeRules::First::kPiece) return write(impl.pieces[id], out);
  std::string text(impl.spelling(id));
  if (impl.decode.first == DecodeRules::First::kWithoutMarks) replace_all(text, impl.decode.mark, "");
  if (impl.decode.cleanup) clean_up_spaces(text);
  write(text, out);
}

std::string StreamDecoder::push(int32_t id) {
  std::string out;
  push(id, out);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out;
  release(true, out);
  if (held_ != kNoToken) {
    std::string last(tokenizer_->impl_->spelling(held_));
    replace_all(last, tokenizer_->impl_->decode.word_end, "");
    write(last, out);
    held_ = kNoToken;
  }
  return out;
}

}  // namespace sobre

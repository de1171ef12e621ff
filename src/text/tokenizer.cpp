#include "text/tokenizer.h"

#include <algorithm>
#include <cctype>

#include "base/file.h"
#include "text/tokenizer_impl.h"

namespace sobre {
namespace {

constexpr uint64_t kMaxFile = 256ull << 20;

/// Encodes running text: everything between two added tokens.
void encode_text(const Tokenizer::Impl& impl, std::string_view text, bool at_start, bool special, EncodeScratch& scratch,
                 std::vector<int32_t>& out) {
  std::string normal = impl.normalizer.run(std::string(text));
  std::vector<Segment> segments;
  impl.normalized_added.split(normal, special, segments);
  PieceList list;
  for (const Segment& segment : segments) {
    if (segment.id != kNoToken) {
      out.push_back(segment.id);
      continue;
    }
    const Span span = segment.span;
    list.text = segments.size() == 1 ? std::move(normal) : normal.substr(span.begin, span.end - span.begin);
    list.pieces.assign(1, {0, list.text.size()});
    list.at_start = at_start && span.begin == 0;
    impl.pre_tokenizer.run(list);
    for (const Span piece : list.pieces) {
      impl.model->encode(std::string_view(list.text).substr(piece.begin, piece.end - piece.begin), scratch, out);
    }
  }
}

std::string_view part_of(std::string_view text, TextSpan span) { return text.substr(span.begin, span.end - span.begin); }

/// A stretch of running text, with whether a user wrote it.
struct Stretch {
  TextSpan span;
  bool plain = false;
};

std::vector<Stretch> stretches_of(TextSpan part, std::span<const TextSpan> plain) {
  std::vector<Stretch> out;
  size_t at = part.begin;
  for (const TextSpan& p : plain) {
    if (p.begin >= part.end) break;
    const size_t begin = std::clamp(p.begin, at, part.end), end = std::clamp(p.end, at, part.end);
    if (begin == end) continue;
    if (at < begin) out.push_back({{at, begin}, false});
    out.push_back({{begin, end}, true});
    at = end;
  }
  if (at < part.end) out.push_back({{at, part.end}, false});
  return out;
}

size_t count_normalized_special(const Tokenizer::Impl& impl, std::string_view text) {
  const std::string normal = impl.normalizer.run(std::string(text));
  std::vector<Segment> segments;
  impl.normalized_added.split(normal, true, segments);
  return static_cast<size_t>(std::count_if(segments.begin(), segments.end(), [&](const Segment& s) {
    return s.id != kNoToken && impl.special[static_cast<size_t>(s.id)] != 0;
  }));
}

/// Encodes running text of which parts are plain. Control tokens that are searched after normalising cannot be told apart by
/// their place any more: where both sides have some, the text is cut between the two.
void encode_mixed(const Tokenizer::Impl& impl, std::string_view text, TextSpan part, std::span<const TextSpan> plain,
                  EncodeScratch& scratch, std::vector<int32_t>& out) {
  const std::vector<Stretch> stretches = stretches_of(part, plain);
  const bool at_start = part.begin == 0;
  if (stretches.size() == 1 || !impl.normalized_added.has_special()) {
    return encode_text(impl, part_of(text, part), at_start, !stretches.front().plain, scratch, out);
  }
  size_t ours = 0, theirs = 0;
  for (const Stretch& s : stretches) (s.plain ? theirs : ours) += count_normalized_special(impl, part_of(text, s.span));
  const bool special = ours > 0;
  if (!special || (theirs == 0 && ours == count_normalized_special(impl, part_of(text, part)))) {
    return encode_text(impl, part_of(text, part), at_start, special, scratch, out);
  }
  for (const Stretch& s : stretches) {
    encode_text(impl, part_of(text, s.span), s.span.begin == 0, !s.plain, scratch, out);
  }
}

std::string_view file_name(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::from_file(const std::string& path) {
  TRY(const std::string content, read_file(path, kMaxFile));
  const std::string_view name = file_name(path);
  Result<Tokenizer> tokenizer = name.find(".model") != std::string_view::npos   ? from_sentencepiece(content)
                                : name.find("tekken") != std::string_view::npos ? from_tekken(content)
                                : name.ends_with(".json")
                                    ? from_hf_json(content)
                                    : Result<Tokenizer>(fail("not a tokenizer.json, tekken.json or *.model file"));
  if (!tokenizer) return fail_in(path, tokenizer.error());
  return tokenizer;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  std::vector<int32_t> out;
  out.reserve(text.size() / 3 + 4);
  if (options.add_special) out = impl_->prefix;
  std::vector<Segment> segments;
  impl_->raw_added.split(text, options.parse_special, segments);
  EncodeScratch scratch;
  for (const Segment& segment : segments) {
    if (segment.id != kNoToken) {
      out.push_back(segment.id);
      continue;
    }
    const std::string_view part = text.substr(segment.span.begin, segment.span.end - segment.span.begin);
    encode_text(*impl_, part, segment.span.begin == 0, options.parse_special, scratch, out);
  }
  if (options.add_special) out.insert(out.end(), impl_->suffix.begin(), impl_->suffix.end());
  return out;
}

std::vector<int32_t> Tokenizer::encode_rendered(std::string_view text, std::span<const TextSpan> plain) const {
  std::string repaired;
  std::vector<TextSpan> moved;
  if (!is_valid_utf8(text)) {
    for (const Stretch& s : stretches_of({0, text.size()}, plain)) {
      const size_t begin = repaired.size();
      repaired += repair_utf8(part_of(text, s.span));
      if (s.plain) moved.push_back({begin, repaired.size()});
    }
    text = repaired;
    plain = moved;
  }
  std::vector<int32_t> out;
  out.reserve(text.size() / 3 + 4);
  std::vector<Segment> segments;
  const bool apart = !impl_->template_added.empty();
  (apart ? impl_->template_added : impl_->raw_added).split(text, plain, segments);
  EncodeScratch scratch;
  for (const Segment& segment : segments) {
    while (!plain.empty() && plain.front().end <= segment.span.begin) plain = plain.subspan(1);
    if (segment.id != kNoToken) {
      out.push_back(segment.id);
    } else {
      encode_mixed(*impl_, text, {segment.span.begin, segment.span.end}, plain, scratch, out);
    }
  }
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StreamDecoder decoder(*this, skip_special);
  std::string out;
  for (const int32_t id : ids) decoder.push(id, out);
  out += decoder.finish();
  return out;
}

int32_t Tokenizer::vocab_size() const { return impl_->table.size(); }

std::string_view Tokenizer::token_bytes(int32_t id) const {
  return id < 0 || id >= vocab_size() ? std::string_view() : impl_->pieces[id];
}

std::string_view Tokenizer::token_text(int32_t id) const {
  return id < 0 || id >= vocab_size() ? std::string_view() : impl_->table[id];
}

std::optional<int32_t> Tokenizer::find_token(std::string_view spelling) const {
  const int32_t id = impl_->table.find(spelling);
  return id == kNoToken ? std::nullopt : std::optional<int32_t>(id);
}

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < vocab_size() && impl_->special[static_cast<size_t>(id)] != 0;
}

std::optional<int32_t> Tokenizer::bos() const { return impl_->bos; }
std::optional<int32_t> Tokenizer::eos() const { return impl_->eos; }
std::string_view Tokenizer::kind() const { return impl_->kind; }

}  // namespace sobre

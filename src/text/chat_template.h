// Chat templates: an interpreter for the Jinja that released models use, as transformers runs it (jinja2 3.1,
// ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loopcontrols, the generation tag, its own tojson).
// A parsed template is const and may be rendered from any thread. Templates and inputs are untrusted: steps, output,
// recursion and sizes are bounded, and nothing outside the given variables can be reached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/text_span.h"

namespace sobre {

struct TemplateLimits {
  uint64_t max_source_bytes = 1 << 20;
  uint64_t max_steps = 2'000'000;
  uint64_t max_output_bytes = 16 << 20;
  uint64_t max_value_bytes = 64 << 20;  // all strings and lists made while rendering
  int max_depth = 64;                   // expressions, blocks, macro calls
};

/// A local date and time, for strftime_now.
struct LocalTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};

struct RenderedText {
  std::string text;
  /// The bytes that came out of the variables' strings (messages, tools, ...), not out of the template's own literals: in
  /// these, control tokens must not be recognised. Ascending, not touching. bos_token, eos_token and the like are the
  /// template's own.
  std::vector<TextSpan> from_input;
};

/// bos_token, eos_token, image_token and their like: what the tokenizer gives a template to write control tokens with. Their
/// values count as the template's own text, so clients must not set them.
[[nodiscard]] bool names_special_token(std::string_view variable);

class ChatTemplate {
 public:
  /// Errors name line and column.
  [[nodiscard]] static Result<ChatTemplate> parse(std::string_view source, const TemplateLimits& limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// `variables` is an object: messages, tools, add_generation_prompt, bos_token, ... A raise_exception in the template, an
  /// operation that Python would refuse, or a limit is an error in one line.
  [[nodiscard]] Result<RenderedText> render(const Json& variables, const LocalTime& now) const;

  [[nodiscard]] const std::string& source() const;

  struct Impl;

 private:
  explicit ChatTemplate(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sobre

// The parser: tokens to a tree, by recursive descent of bounded depth. Used by ChatTemplate::parse; no state outlives a call.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja_ast.h"

namespace sobre::jinja {

/// Arguments of a call, and parameters of a macro.
inline constexpr size_t kMaxArguments = 255;

/// Parses a normalised source (see jinja_lexer). Expressions and blocks may be nested `max_depth` deep. Names are not resolved
/// yet. Errors name line and column.
[[nodiscard]] Result<Tree> parse_template(std::string_view source, int max_depth);

class Parser {
 public:
  Parser(std::vector<Token> tokens, int max_depth) : tokens_(std::move(tokens)), max_depth_(max_depth) {}
  Result<Tree> run();

 private:
  using Words = std::vector<std::string_view>;

  // Statements (jinja_parser.cpp).
  Result<Body> body_until(const Words& ends);
  Result<Body> block(const Words& ends, bool take_end);
  Result<void> statement(Body& out);
  Result<void> parse_if(Statement& s);
  Result<void> parse_for(Statement& s);
  Result<void> parse_set(Statement& s);
  Result<void> parse_macro(Statement& s);
  Result<void> parse_call(Statement& s);
  Result<void> parse_generation(Statement& s);
  Result<void> parse_filter_block(Statement& s);
  Result<void> parse_with(Statement& s);
  Result<void> parse_autoescape(Statement& s);
  Result<void> parse_named_block(Statement& s);
  Result<void> parse_print(Statement& s);
  Result<void> parse_jump(Statement& s);
  Result<void> parse_unsupported(Statement& s);
  Result<void> signature(MacroBody& macro);
  Result<void> macro_body(MacroBody& macro, std::string_view end);
  Result<Target> target(const Words& ends, bool with_namespace);
  Result<Target> name_target();
  Result<Target> as_target(const Expr& e);
  [[nodiscard]] std::unexpected<Error> unknown_tag(const Token& tag) const;

  // Expressions (jinja_parse_expression.cpp).
  Result<ExprPtr> expression(bool conditional = true);
  Result<ExprPtr> disjunction();
  Result<ExprPtr> conjunction();
  Result<ExprPtr> negation();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary(bool filters);
  Result<ExprPtr> primary(bool with_namespace, bool loads);
  Result<ExprPtr> named(bool with_namespace, bool loads);
  struct TupleRules {
    bool simple = false;          // only names and literals: targets
    bool conditional = true;      // `a if b else c` may stand here
    bool parenthesised = false;   // () is then a tuple
    bool with_namespace = false;  // name.attribute is a target
    Words ends = {};
  };
  Result<ExprPtr> tuple(const TupleRules& rules);
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> postfix(ExprPtr e);
  Result<ExprPtr> filters(ExprPtr e);
  Result<ExprPtr> attribute(ExprPtr e);
  Result<ExprPtr> subscript(ExprPtr e);
  Result<void> slice(Link& link, ExprPtr first);
  Result<ExprPtr> call(ExprPtr e);
  Result<ExprPtr> filter(ExprPtr e);
  Result<ExprPtr> test(ExprPtr e);
  Result<std::unique_ptr<CallArgs>> arguments();
  Result<void> argument(CallArgs& args);
  Result<std::string> dotted_name();
  /// The filters that stand after a block's tag, on its captured text; null when there are none.
  Result<ExprPtr> block_filter(bool first_is_given);

  // Tokens.
  [[nodiscard]] const Token& now() const { return tokens_[at_]; }
  [[nodiscard]] const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  [[nodiscard]] bool is(TokenKind kind) const { return now().kind == kind; }
  [[nodiscard]] bool is_op(std::string_view op) const { return is(TokenKind::kOperator) && now().text == op; }
  [[nodiscard]] bool is_word(std::string_view word) const { return is(TokenKind::kName) && now().text == word; }
  [[nodiscard]] bool is_word_of(const Words& words) const;
  bool take_op(std::string_view op);
  bool take_word(std::string_view word);
  Result<void> want_op(std::string_view op);
  Result<void> want_word(std::string_view word);
  Result<void> want(TokenKind kind, std::string_view what);
  [[nodiscard]] std::unexpected<Error> unexpected_token(std::string_view wanted) const;
  [[nodiscard]] ExprPtr make(ExprKind kind, Position at) const;
  [[nodiscard]] Link& add_link(ExprPtr& e, Link::Kind kind, Position at) const;
  Result<void> deeper();

  /// Counts nesting as long as it lives.
  class Nesting {
   public:
    explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int max_depth_;
  int depth_ = 0;
  int for_depth_ = 0;   // for loops around this place, macros included
  int loop_depth_ = 0;  // loops that break and continue can mean
  bool has_blocks_ = false;
  std::vector<MacroBody*> macros_;                                // whose bodies are being read
  std::vector<std::pair<std::string_view, Position>> open_tags_;  // for messages
};

}  // namespace sobre::jinja

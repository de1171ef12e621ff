// Grammars: regular expressions, numbers, names, the outer grammar, and what must be refused quickly.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "text/grammar.h"

namespace sobre {
namespace {

std::shared_ptr<const Grammar> compiled(const GrammarNode& node) {
  auto grammar = Grammar::compile(node);
  EXPECT_TRUE(grammar.has_value()) << grammar.error().message;
  return grammar ? *grammar : nullptr;
}
std::shared_ptr<const Grammar> schema(std::string_view text) {
  const auto json = Json::parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return compiled(grammar_schema(*json));
}
std::string error_of(const GrammarNode& node, const GrammarLimits& limits = {}) {
  const auto begin = std::chrono::steady_clock::now();
  const auto grammar = Grammar::compile(node, limits);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  return grammar ? "" : grammar.error().message;
}
std::string schema_error(std::string_view text) {
  const auto json = Json::parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return error_of(grammar_schema(*json));
}

struct RegexCase {
  const char* pattern;
  std::vector<std::string> yes, no;
};

TEST(Grammar, RegularExpressionsMatchTheWholeText) {
  const std::vector<RegexCase> cases = {
      {"", {""}, {"a"}},
      {"a|bc", {"a", "bc"}, {"", "abc", "b"}},
      {"^a$", {"a"}, {"", "aa", "a\n"}},
      {"a*b+c?", {"b", "aabbc", "bc"}, {"", "ac", "bcc"}},
      {"a{2}b{1,3}c{0}d{2,}", {"aabdd", "aabbbddd"}, {"abdd", "aabbbbdd", "aabcdd", "aabd"}},
      {"(?:ab)*(?<n>c)", {"c", "ababc"}, {"abc ", "abac"}},
      {"[a-c-]+[^x-z]", {"a-b", "cw"}, {"a", "ax"}},
      {"[\\d.]+\\w\\s", {"1.2_ ", "9a\t", "1a\xC2\xA0"}, {"1.", "a1 "}},
      {"\\D\\W\\S", {"a-b", "\xC3\xA9\xC3\xA9!"}, {"1-b", "aab", "a- "}},
      {".", {"a", "\xF0\x9F\x98\x80"}, {"\n", "\r", "\xE2\x80\xA8", "ab", "\xF0\x9F\x98", "\xFF"}},
      {"\\u00e9\\u{1F600}\\x41\\cJ\\0",
       {std::string("\xC3\xA9\xF0\x9F\x98\x80"
                    "A\n\0",
                    9)},
       {"\xC3\xA9"}},
      {"\\ud83d\\ude00", {"\xF0\x9F\x98\x80"}, {"\xEF\xBF\xBD"}},
      {"\\p{Lu}\\p{Letter}*\\P{L}",
       {"\xC3\x89t\xC3\xA9"
        "1",
        "A."},
       {"a1", "AB"}},
      {"\\/\\-\\.\\$\\{", {"/-.${"}, {"/-a${"}},
      {"a\\{,2}[{]b}", {"a{,2}{b}"}, {"aa"}},
      {"(a*)*(b|)*", {"", "aabb"}, {"c", "aabab"}},
      {"(^a|b$)+", {"a", "b", "ab"}, {"ba", ""}},
      {"[]a", {}, {}},
      {"[^]", {"a", "\n"}, {""}},
  };
  for (const RegexCase& c : cases) {
    if (c.yes.empty()) {
      EXPECT_NE(error_of(grammar_regex(c.pattern)).find("no text"), std::string::npos) << c.pattern;
      continue;
    }
    const auto grammar = compiled(grammar_regex(c.pattern));
    ASSERT_NE(grammar, nullptr) << c.pattern;
    for (const std::string& text : c.yes) EXPECT_TRUE(grammar->matches(text)) << c.pattern << ": " << text;
    for (const std::string& text : c.no) EXPECT_FALSE(grammar->matches(text)) << c.pattern << ": " << text;
  }
}

TEST(Grammar, RefusesPatternsByName) {
  const std::pair<const char*, const char*> cases[] = {{"(?=a)", "look-ahead"},
                                                       {"(?!a)", "look-ahead"},
                                                       {"(?<=a)b", "look-behind"},
                                                       {"(a)\\1", "back-reference"},
                                                       {"\\k<n>", "back-reference"},
                                                       {"a\\b", "boundary"},
                                                       {"\\B", "boundary"},
                                                       {"(?i)a", "group form"},
                                                       {"(a", "not closed"},
                                                       {"a)", "unmatched"},
                                                       {"[a", "not closed"},
                                                       {"*a", "nothing to repeat"},
                                                       {"a**", "nothing to repeat"},
                                                       {"a{3,2}", "order"},
                                                       {"[b-a]", "order"},
                                                       {"\\p{Nonsense}", "property"},
                                                       {"\\q", "no escape"},
                                                       {"\\u00g0", "hexadec"},
                                                       {"a\\", "backslash"},
                                                       {"a{9999999}", "limit"},
                                                       {"\xFF", "UTF-8"},
                                                       {"\\Z", "no escape"},
                                                       {"a{,2}b", "brace at byte 1"},
                                                       {"a{2", "brace at byte 1"},
                                                       {"a{x}", "brace at byte 1"},
                                                       {"a{2}{3}", "nothing to repeat"},
                                                       {"a*{2}", "nothing to repeat"},
                                                       {"^{2}", "nothing to repeat"},
                                                       {"{", "write \\{ for"}};
  for (const auto& [pattern, reason] : cases) {
    EXPECT_NE(error_of(grammar_regex(pattern)).find(reason), std::string::npos)
        << pattern << ": " << error_of(grammar_regex(pattern));
  }
}

TEST(Grammar, RefusesHostilePatternsQuickly) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += i == 0 ? "a" : "|a";
  EXPECT_NE(error_of(grammar_regex(many)), "");
  EXPECT_NE(error_of(grammar_regex(std::string(60'000, '(') + std::string(60'000, ')'))).find("nested"), std::string::npos);
  EXPECT_NE(error_of(grammar_regex("(a|b)*a(a|b){30}")), "");
  EXPECT_NE(error_of(grammar_regex("((((a{1000}){1000}){1000}){1000}){1000}")).find("too large"), std::string::npos);
  EXPECT_NE(error_of(grammar_regex(std::string(300'000, 'a'))).find("limit"), std::string::npos);
  std::string nested = "a";
  for (int i = 0; i < 40; ++i) nested.insert(0, "(?:").append(")*");
  EXPECT_TRUE(compiled(grammar_regex(nested))->matches("aaaa"));
}

TEST(Grammar, PatternsOfSchemasReadTheUnescapedValue) {
  const auto grammar = schema(R"({"type": "string", "pattern": "^[\u00e9\n\ud83d\ude00\"/]+$"})");
  for (const char* text : {"\"\xC3\xA9\"", "\"\\u00e9\"", "\"\\u00E9\\n\"", "\"\\u000a\"", "\"\xF0\x9F\x98\x80\"",
                           "\"\\ud83d\\ude00\"", "\"\\\"\"", "\"/\""}) {
    EXPECT_TRUE(grammar->matches(text)) << text;
  }
  for (const char* text : {"\"\n\"", "\"\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\u00e8\"", "\"\\ud83d\\ude01\"", "\"\\x\"",
                           "\"e\"", "\"\\/\"", "\"\\u0022\"", "\"\\u002f\""}) {  // plain ASCII is never escaped
    EXPECT_FALSE(grammar->matches(text)) << text;
  }
}

TEST(Grammar, CountsCodePoints) {
  const auto grammar = schema(R"({"type": "string", "minLength": 2, "maxLength": 3})");
  for (const char* text : {"\"ab\"", "\"\xF0\x9F\x98\x80\\ud83d\\ude00a\"", "\"\\n\\\\\""})
    EXPECT_TRUE(grammar->matches(text)) << text;
  for (const char* text : {"\"a\"", "\"abcd\"", "\"\\ud83d\\ude00\""}) EXPECT_FALSE(grammar->matches(text)) << text;
}

struct NumberCase {
  const char* schema;
  std::vector<std::string> yes, no;
};

TEST(Grammar, NumbersAreExact) {
  const std::vector<NumberCase> cases = {
      {R"({"type": "integer"})",
       {"0", "-0", "17", "1.0", "1e+308", "1.5e+16", "12345678910111213141516171819202122232425262728293031"},
       {"1.5", "01", "1e-05", "+1", ".5", "1.", "1e+5", "NaN"}},
      {R"({"type": "number"})", {"0.5", "-1.25e-7", "1E5", "1e+308", "5e-324"}, {"00", "1e", "e5", "-", "1e999", "Infinity"}},
      {R"({"minimum": -1.5, "maximum": 20, "type": "number"})",
       {"-1.5", "0", "-0", "20", "20.0", "0.30000000000000004", "1e-05", "9.99"},
       {"-1.6", "20.1", "21", "1e+16", "-2", "200", "20.00000000000000001", "-1.50000000000000001"}},
      {R"({"exclusiveMinimum": 0, "exclusiveMaximum": 1, "type": "number"})",
       {"0.1", "1e-05", "0.999"},
       {"0", "1", "0.0", "1.0", "-0.5", "0.99999999999999999"}},
      {R"({"type": "integer", "minimum": 1000000, "maximum": 1000003})",
       {"1000000", "1000003.0"},
       {"999999", "1000004", "100000"}},
      {R"({"type": "integer", "minimum": 5})", {"5", "12", "1e+16"}, {"4", "-7", "1e-05"}},
      {R"({"multipleOf": 0.01, "type": "number"})",
       {"0.75", "3", "-2.5", "19.99", "0.07", "4.35", "-1.10"},
       {"0.755", "0.001", "19.995"}},
      {R"({"multipleOf": 0.1, "minimum": 0, "type": "number"})", {"0.3", "0.7", "1.1"}, {"0.35", "-0.1"}},
      {R"({"multipleOf": 7, "minimum": 50, "maximum": 60})", {"56", "56.0", "\"x\"", "null"}, {"49", "57", "5"}},
      {R"({"type": "integer", "multipleOf": 0.5})", {"1", "1e+308"}, {"0.5"}},
      {R"({"const": 2})", {"2", "2.0"}, {"2.5", "20", "\"2\"", "true"}},
      {R"({"enum": [1e-8, 0.1, -3, 1e20]})", {"1e-08", "0.1", "-3", "-3.0", "1e+20", "100000000000000000000"}, {"3", "0.11"}},
      {R"({"type": "number", "not": {"type": "integer"}})", {"0.5", "-1.25"}, {"1", "1.0", "2.0"}},
      {R"({"type": "integer", "not": {"enum": [1, 2, 3]}})", {"0", "4", "10"}, {"1", "2.0", "3"}},
      {R"({"minimum": 18446744073709551600, "type": "integer"})",
       {"18446744073709551600", "99999999999999999999"},
       {"5", "18446744073709551599"}},
  };
  for (const NumberCase& c : cases) {
    const auto grammar = schema(c.schema);
    ASSERT_NE(grammar, nullptr) << c.schema;
    for (const std::string& text : c.yes) EXPECT_TRUE(grammar->matches(text)) << c.schema << ": " << text;
    for (const std::string& text : c.no) EXPECT_FALSE(grammar->matches(text)) << c.schema << ": " << text;
  }
}

TEST(Grammar, ObjectsTakeTheirKeysInAnyOrder) {
  const auto grammar = schema(
      R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}, "d\n": {"const": 1}},
          "required": ["a", "b", "c"], "additionalProperties": {"type": "boolean"}})");
  std::vector<std::string> members{R"("a": 1)", R"("b": "x")", R"("c": [])", R"("d\n": 1)", R"("else": true)"};
  std::sort(members.begin(), members.end());
  int orders = 0;
  do {
    std::string text = "{";
    for (size_t i = 0; i < members.size(); ++i) text += (i > 0 ? ", " : "") + members[i];
    EXPECT_TRUE(grammar->matches(text + "}")) << text;
    ++orders;
  } while (std::next_permutation(members.begin(), members.end()));
  EXPECT_EQ(orders, 120);
  EXPECT_TRUE(grammar->matches(R"({"c":null,"b":"","a":0})"));
  // A name has one spelling: escapes of plain ASCII, which could hide it, are not in the language.
  EXPECT_FALSE(grammar->matches(R"({"c":null,"\u0062":"","a":0})"));
  for (const char* text :
       {R"({"a": 1, "b": "x"})", R"({"a": 1, "b": "x", "c": 1, "a": 2})", R"({"a": 1, "b": "x", "c": 1, "\u0061": 2})",
        R"({"a": 1, "b": "x", "c": 1, "e": true, "e": true})", R"({"a": 1, "b": "x", "c": 1, "e": true, "\u0065": true})",
        R"({"\u0061": "x", "b": "x", "c": 1})", R"({"a": 1, "b": "x", "c": 1, "d\u000a": 2})",
        R"({"a": 1, "b": "x", "c": 1, "e": 1})", R"({ "a": 1, "b": "x", "c": 1})", R"({"a": 1,  "b": "x", "c": 1})",
        R"({"a":1,"b":"x","c":1,})", R"({"a" : 1, "b": "x", "c": 1})"}) {
    EXPECT_FALSE(grammar->matches(text)) << text;
  }
}

TEST(Grammar, FiniteNamesRunOut) {
  const auto grammar = schema(R"({"type": "object", "patternProperties": {"^[ab]$": {}}, "additionalProperties": false})");
  EXPECT_TRUE(grammar->matches(R"({"a": 1, "b": 2})"));
  EXPECT_FALSE(grammar->matches(R"({"a": 1, "b": 2, "a": 3})"));
  EXPECT_NE(
      schema_error(
          R"({"type": "object", "patternProperties": {"^[ab]$": {}}, "additionalProperties": false, "minProperties": 3})"),
      "");
}

TEST(Grammar, UniqueItems) {
  const auto strings = schema(R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true, "minItems": 2})");
  for (const char* text : {R"(["a", "b"])", R"(["", "a","b", "ab", "\u00e9"])"}) EXPECT_TRUE(strings->matches(text)) << text;
  for (const char* text :
       {R"(["a", "a"])", R"(["a", "b", "\u0061"])", R"(["a"])", "[]", R"(["a": 1, "b": 2])", R"({"a", "b"})", R"(["a", 1])"}) {
    EXPECT_FALSE(strings->matches(text)) << text;
  }
  const auto values =
      schema(R"({"type": "array", "items": {"enum": ["a", "b", 3, null]}, "uniqueItems": true, "minItems": 3})");
  for (const char* text : {R"(["a", 3, null])", R"(["b", "a", null, 3.0])"}) EXPECT_TRUE(values->matches(text)) << text;
  for (const char* text : {R"(["a", 3])", R"([3, "a", 3.0])", R"(["a", "b", 3, null, "a"])"})
    EXPECT_FALSE(values->matches(text)) << text;
  const auto places = schema(
      R"({"type": "array", "prefixItems": [{"enum": [1, 2]}, {"const": 1}], "items": false, "uniqueItems": true, "minItems": 2})");
  EXPECT_TRUE(places->matches("[2, 1]"));
  EXPECT_FALSE(places->matches("[1"));
  EXPECT_NE(schema_error(R"({"type": "array", "uniqueItems": true})").find("keyword uniqueItems"), std::string::npos);
  EXPECT_NE(
      schema_error(R"({"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 3})").find("no value"),
      std::string::npos);
}

TEST(Grammar, RecursiveSchemas) {
  const auto grammar = schema(R"({"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}},
                                  "required": ["v"], "additionalProperties": false})");
  EXPECT_TRUE(grammar->matches(R"({"v": 1, "next": {"next": {"v": 3}, "v": 2}})"));
  EXPECT_FALSE(grammar->matches(R"({"v": 1, "next": {"next": {}, "v": 2}})"));
  EXPECT_NE(schema_error(R"({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]})").find("no value"),
            std::string::npos);
  EXPECT_NE(schema_error(R"({"$ref": "#"})").find("$ref"), std::string::npos);
  EXPECT_NE(schema_error(R"({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}})").find("$ref"),
            std::string::npos);
}

TEST(Grammar, RefusesSchemasByKeyword) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"$ref": "http://example.com/s"})", "keyword $ref at \"\""},
      {R"({"properties": {"x": {"minLenght": 1}}})", "keyword minLenght at \"/properties/x\""},
      {R"({"type": "strin"})", "keyword type"},
      {R"_({"pattern": "(?=a)"})_", "keyword pattern at \"\": regular expression: look-ahead"},
      {R"({"items": [{}]})", "keyword items"},
      {R"({"minLength": -1})", "keyword minLength"},
      {R"({"minLength": 1.5})", "keyword minLength"},
      {R"({"type": "string", "minLength": 1000000000})", "minLength"},
      {R"({"type": "array", "minItems": 1000000000})", "minItems"},
      {R"({"pattern": "a+", "maxLength": 100000000, "type": "string"})", "maxLength"},
      {R"({"enum": []})", "enum"},
      {R"({"required": "a"})", "keyword required"},
      {R"({"$schema": "http://example.com/mine"})", "keyword $schema"},
      {R"({"dependencies": {}})", "keyword dependencies"},
      {R"({"type": "string", "nullable": true})", "keyword nullable"},
      {R"({"multipleOf": 0})", "keyword multipleOf"},
      {R"({"not": {"uniqueItems": true}})", "keyword uniqueItems"},
      {R"({"allOf": []})", "keyword allOf"},
      {R"({"type": "object", "maxProperties": 1, "required": ["a", "b"]})", "no value"},
      {"3", "neither"}};
  for (const auto& [text, reason] : cases) {
    const std::string error = schema_error(text);
    EXPECT_NE(error.find(reason), std::string::npos) << text << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
}

TEST(Grammar, RefusesHostileSchemasQuickly) {
  Json deep(Json::Object{});
  for (int i = 0; i < 500; ++i) deep = Json(Json::Object{{"not", deep}});
  EXPECT_NE(error_of(grammar_schema(deep)).find("nested"), std::string::npos);
  Json::Array many;
  for (int i = 0; i < 400; ++i) many.push_back(Json(Json::Object{{"minimum", i}, {"maxLength", i}, {"maxItems", i}}));
  EXPECT_NE(error_of(grammar_schema(Json(Json::Object{{"oneOf", many}}))), "");
  EXPECT_NE(error_of(grammar_schema(Json(Json::Object{{"not", Json(Json::Object{{"anyOf", many}})}, {"oneOf", many}}))), "");
  Json big(Json::Object{{"description", std::string(300 << 10, 'x')}});
  EXPECT_NE(error_of(grammar_schema(big)).find("limit"), std::string::npos);
  Json chain(Json::Object{{"type", "integer"}});
  for (int i = 0; i < 30; ++i) {
    chain = Json(Json::Object{{"type", "object"},
                              {"properties", Json(Json::Object{{"a", chain}, {"b", chain}})},
                              {"required", Json(Json::Array{"a", "b"})}});
    if (i >= 9) break;  // 2^10 copies of the text
  }
  EXPECT_NE(error_of(grammar_schema(chain), {.max_source_bytes = 8 << 20, .max_states = 500}).find("limit"), std::string::npos);
}

TEST(Grammar, LargeSchemasAreCompiledInTime) {
  // Each rule asks for a property of its own, which any of the names could be.
  std::string names, members;
  for (int i = 0; i < 64; ++i) names += fmt::format("{}\"n{}\": {{}}", i > 0 ? ", " : "", i);
  const auto rules = schema(R"({"type": "object", "properties": {)" + names + R"(}, "allOf": [
      {"not": {"additionalProperties": {"type": "string"}}}, {"not": {"additionalProperties": {"type": "number"}}},
      {"not": {"additionalProperties": {"type": "boolean"}}}, {"not": {"additionalProperties": {"type": "null"}}}]})");
  ASSERT_NE(rules, nullptr);
  EXPECT_TRUE(rules->matches(R"({"n1": "", "n63": 1, "other": 1, "else": null})"));
  EXPECT_TRUE(rules->matches(R"({"n1": [], "n63": {}})"));
  for (const char* text : {"{}", R"({"n1": "", "n63": ""})", R"({"a": null})"}) EXPECT_FALSE(rules->matches(text)) << text;
  names.clear();
  for (int i = 0; i < 4000; ++i) {
    names += fmt::format("{}\"name {}\"", i > 0 ? ", " : "", i);
    members += fmt::format("{}\"name {}\": 0", i > 0 ? ", " : "", i);
  }
  const auto required = schema(R"({"type": "object", "required": [)" + names + "]}");
  ASSERT_NE(required, nullptr);
  EXPECT_TRUE(required->matches("{" + members + "}"));
  EXPECT_FALSE(required->matches("{" + members.substr(0, members.rfind(',')) + "}"));
}

TEST(Grammar, ManyUniqueItems) {
  std::string values, few;
  for (int i = 100; i < 164; ++i) values += fmt::format("{}{}", i > 100 ? ", " : "", i);
  for (int i = 150; i < 160; ++i) few += fmt::format("{}{}", i > 150 ? ", " : "", i);
  const auto all = schema(R"({"type": "array", "items": {"enum": [)" + values + R"(]}, "uniqueItems": true, "minItems": 64})");
  ASSERT_NE(all, nullptr);
  EXPECT_TRUE(all->matches("[" + values + "]"));
  EXPECT_FALSE(all->matches("[" + values.substr(5) + "]"));
  EXPECT_FALSE(all->matches("[" + values + ", 100"));
  // The first place must leave the few to those who have nothing else.
  std::string prefix = R"({"enum": [)" + values + "]}";
  for (int i = 0; i < 10; ++i) prefix += R"(, {"enum": [)" + few + "]}";
  const auto places = schema(R"({"type": "array", "prefixItems": [)" + prefix + R"(], "items": {"enum": [)" + values +
                             R"(]}, "uniqueItems": true, "minItems": 64})");
  ASSERT_NE(places, nullptr);
  EXPECT_FALSE(places->matches("[100, " + few));  // not yet
  std::string rest;
  for (int i = 101; i < 164; ++i) rest += i < 150 || i >= 160 ? fmt::format(", {}", i) : "";
  EXPECT_TRUE(places->matches("[100, " + few + rest + "]"));
  EXPECT_FALSE(places->matches("[155"));
}

TEST(Grammar, OuterGrammarsCombine) {
  const Json object(Json::Object{{"type", "object"},
                                 {"properties", Json(Json::Object{{"n", Json(Json::Object{{"type", "integer"}})}})},
                                 {"additionalProperties", false}});
  const auto grammar = compiled(grammar_sequence(
      {grammar_text("<"),
       grammar_repeat(grammar_choice({grammar_schema(object), grammar_regex("[xy]{2}"), grammar_text("-")}), 1, 3),
       grammar_repeat(grammar_text("!"), 0, -1), grammar_text(">")}));
  for (const char* text : {"<{}>", "<xy-{\"n\": 5}!!>", "<--->", "<xyyx>"}) EXPECT_TRUE(grammar->matches(text)) << text;
  for (const char* text : {"<>", "<---->", "<x>", "<{}", "{}>", "<{\"n\": \"\"}>"})
    EXPECT_FALSE(grammar->matches(text)) << text;
  EXPECT_TRUE(compiled(grammar_json_object())->matches(R"({"a": [1, {"b": null}], "c": "\u00e9"})"));
  EXPECT_FALSE(compiled(grammar_json_object())->matches("[]"));
  EXPECT_NE(error_of(grammar_choice({})), "");
  EXPECT_NE(error_of(grammar_repeat(grammar_text("a"), 2, 1)), "");
  EXPECT_NE(error_of(grammar_repeat(grammar_text("a"), 0, 2'000'000'000)).find("limit"), std::string::npos);
  EXPECT_TRUE(compiled(grammar_repeat(grammar_repeat(grammar_text(""), 0, -1), 3, -1))->matches(""));
}

TEST(Grammar, OpenApiAnnotationsAreRead) {
  const auto pets =
      schema(R"({"discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/cat"}}, "xml": {"name": "x"},
      "externalDocs": {"url": "http://example.com"}, "oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}], "$defs": {
      "cat": {"type": "object", "properties": {"kind": {"const": "cat"}, "purrs": {"type": "boolean"}}, "required": ["kind"]},
      "dog": {"type": "object", "properties": {"kind": {"const": "dog"}, "barks": {"type": "boolean"}}, "required": ["kind"]}}})");
  ASSERT_NE(pets, nullptr);
  EXPECT_TRUE(pets->matches(R"({"kind": "cat", "purrs": true})"));
  EXPECT_FALSE(pets->matches(R"({"kind": "cat", "purrs": 1})"));
  EXPECT_FALSE(pets->matches(R"({"kind": "cow"})"));
}

TEST(Grammar, TypesOfOtherToolFormatsAreRead) {
  const auto grammar =
      schema(R"({"type": "dict", "properties": {"x": {"type": "float"}, "t": {"type": "tuple", "items": {"type": "any"}}}})");
  EXPECT_TRUE(grammar->matches(R"({"x": 1.5, "t": [1, "a"]})"));
  EXPECT_FALSE(grammar->matches(R"({"x": "1.5"})"));
}

}  // namespace
}  // namespace sobre

#include "base/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "base/file.h"

namespace sobre {
namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = Json::parse(text, limits);
  return parsed ? "" : parsed.error().message;
}

std::string again(std::string_view text, const JsonStyle& style = {}) {
  const auto parsed = Json::parse(text);
  return parsed ? parsed->dump(style) : parsed.error().message;
}

void expect_error(std::string_view text, std::string_view part, const JsonLimits& limits = {}) {
  const std::string message = error_of(text, limits);
  EXPECT_NE(message.find(part), std::string::npos) << "text: " << text.substr(0, 60) << "\nmessage: " << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_LT(message.size(), 400u);
}

TEST(Json, KeepsKindsAndOrder) {
  const auto j = Json::parse(R"( {"z": null, "a": [true, false, 1, -2, 1.0, "x"], "m": {}} )");
  ASSERT_TRUE(j) << j.error().message;
  EXPECT_EQ(j->dump(), R"({"z": null, "a": [true, false, 1, -2, 1.0, "x"], "m": {}})");
  EXPECT_TRUE(j->find("z")->is_null());
  EXPECT_EQ(j->find("absent"), nullptr);
  EXPECT_EQ(j->find("a")->find("a"), nullptr);
  const Json::Array& a = *j->find("a")->as_array();
  EXPECT_EQ(a[0].as_bool(), true);
  EXPECT_EQ(a[2].as_int(), 1);
  EXPECT_TRUE(a[2].is_integer());
  EXPECT_FALSE(a[4].is_integer());
  EXPECT_EQ(a[4].as_int(), std::nullopt);
  EXPECT_EQ(a[2].as_double(), 1.0);
  EXPECT_EQ(*a[5].as_string(), "x");
  EXPECT_EQ(a[5].as_bool(), std::nullopt);
}

TEST(Json, IntegersAreExactUpToUint64) {
  const auto j = Json::parse(
      "[9007199254740993, 9223372036854775807, -9223372036854775808, 9223372036854775808, 18446744073709551615,"
      " 18446744073709551616, -9223372036854775809]");
  ASSERT_TRUE(j);
  const Json::Array& a = *j->as_array();
  EXPECT_EQ(a[0].as_int(), 9007199254740993);
  EXPECT_EQ(a[1].as_int(), INT64_MAX);
  EXPECT_EQ(a[2].as_int(), INT64_MIN);
  EXPECT_EQ(a[2].as_uint(), std::nullopt);
  EXPECT_EQ(a[3].as_int(), std::nullopt);
  EXPECT_EQ(a[3].as_uint(), 9223372036854775808u);
  EXPECT_EQ(a[4].as_uint(), UINT64_MAX);
  EXPECT_TRUE(a[5].is_double());
  EXPECT_EQ(a[5].as_double(), 0x1p64);
  EXPECT_TRUE(a[6].is_double());
}

TEST(Json, NumbersCompareByValue) {
  EXPECT_EQ(Json(1), Json(1.0));
  EXPECT_EQ(Json(uint64_t{7}), Json(7));
  EXPECT_NE(Json(int64_t{9007199254740993}), Json(9007199254740992.0));
  EXPECT_NE(Json(UINT64_MAX), Json(0x1p64));
  EXPECT_NE(Json(int64_t{-1}), Json(UINT64_MAX));
  EXPECT_NE(Json(1), Json(1.5));
  EXPECT_NE(Json(1), Json(true));
  EXPECT_NE(Json(0), Json(std::nan("")));
  EXPECT_NE(Json(std::nan("")), Json(std::nan("")));
  EXPECT_NE(Json(INT64_MAX), Json(0x1p63));
  EXPECT_EQ(Json(INT64_MIN), Json(-0x1p63));
}

TEST(Json, ObjectsCompareWithoutOrder) {
  EXPECT_EQ(*Json::parse(R"({"a": 1, "b": [1, {"x": 2, "y": 3}]})"), *Json::parse(R"({"b": [1, {"y": 3, "x": 2}], "a": 1.0})"));
  EXPECT_NE(*Json::parse(R"({"a": 1, "b": 2})"), *Json::parse(R"({"a": 1, "c": 2})"));
  EXPECT_NE(*Json::parse(R"({"a": 1})"), *Json::parse(R"({"a": 1, "b": 2})"));
  EXPECT_NE(*Json::parse("[1, 2]"), *Json::parse("[2, 1]"));
  EXPECT_NE(*Json::parse("[]"), *Json::parse("{}"));
}

TEST(Json, SetAddsOrReplaces) {
  Json j{Json::Object()};
  j.set("a", 1);
  j.set("b", "two");
  j.set("a", Json::Array{Json(3)});
  EXPECT_EQ(j.dump(), R"({"a": [3], "b": "two"})");
}

// Each pair as Python's json.dumps prints the double.
TEST(Json, DoublesAsPythonWritesThem) {
  const std::pair<double, std::string> cases[] = {
      {1.0, "1.0"},
      {-0.0, "-0.0"},
      {0.1, "0.1"},
      {1e15, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e22, "1e+22"},
      {1e23, "1e+23"},
      {1e100, "1e+100"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {1e-05, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {3.141592653589793, "3.141592653589793"},
      {1e-5 * 3, "3.0000000000000004e-05"},
      {100000.0, "100000.0"},
      {1.0 / 3, "0.3333333333333333"},
      {2.5e15, "2500000000000000.0"},
      {std::numeric_limits<double>::infinity(), "Infinity"},
      {-std::numeric_limits<double>::infinity(), "-Infinity"},
      {std::nan(""), "NaN"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(Json(value).dump(), text);
}

TEST(Json, RandomDoublesSurviveWritingAndReading) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const double d = std::bit_cast<double>(random());
    if (!std::isfinite(d)) continue;
    const auto back = Json::parse(Json(d).dump());
    ASSERT_TRUE(back);
    ASSERT_EQ(std::bit_cast<uint64_t>(*back->as_double()), std::bit_cast<uint64_t>(d)) << Json(d).dump();
  }
}

TEST(Json, StringsEscapeOnlyWhatPythonEscapes) {
  EXPECT_EQ(Json("a\"b\\c/\n\r\t\b\f\x01\x1f\x7f").dump(), "\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\"");
  EXPECT_EQ(Json(std::string_view("\0", 1)).dump(), R"("\u0000")");
  EXPECT_EQ(again(R"("\u00e9\ud83d\ude00\u2028\/")"), "\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8/\"");
}

TEST(Json, StylesFollowPython) {
  const std::string_view text = R"({"b": [1, {}, []], "a": {"y": null, "x": "s"}})";
  EXPECT_EQ(again(text, {.item_separator = ",", .key_separator = ":"}), R"({"b":[1,{},[]],"a":{"y":null,"x":"s"}})");
  EXPECT_EQ(again(text, {.sort_keys = true}), R"({"a": {"x": "s", "y": null}, "b": [1, {}, []]})");
  EXPECT_EQ(again(text, {.indent = 2, .item_separator = ","}),
            "{\n  \"b\": [\n    1,\n    {},\n    []\n  ],\n  \"a\": {\n    \"y\": null,\n    \"x\": \"s\"\n  }\n}");
  EXPECT_EQ(again("[1, 2]", {.indent = 0}), "[\n1, \n2\n]");
}

TEST(Json, RefusesWhatIsNoJson) {
  expect_error("", "byte");
  expect_error("   ", "unexpected end of input");
  expect_error("{", "unexpected end of input");
  expect_error("[1,]", "byte 4");
  expect_error("[1 2]", "byte 4");
  expect_error("{\"a\" 1}", "byte");
  expect_error("{a: 1}", "byte 2");
  expect_error("[1] []", "byte 5");
  expect_error("01", "byte 2");
  expect_error("+1", "byte 1");
  expect_error("1.", "byte");
  expect_error("NaN", "byte 1");
  expect_error("[Infinity]", "byte 2");
  expect_error("1e400", "number overflow");
  expect_error("'a'", "byte 1");
  expect_error("\"a\nb\"", "byte");
  expect_error("\"\\x41\"", "byte");
  expect_error("\"\\ud800\"", "surrogate");
  expect_error("\"\\udc00\\ud800\"", "surrogate");
  expect_error("// a\n1", "byte 1");
  expect_error(std::string_view("1\0", 2), "byte 2: NUL");
  expect_error(std::string_view("[1]\0]", 5), "byte 4: NUL");
}

TEST(Json, RefusesInvalidUtf8) {
  for (const std::string_view bytes :
       {"\x80", "\xff", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88"}) {
    expect_error("\"" + std::string(bytes) + "\"", "UTF-8");
    expect_error("{\"" + std::string(bytes) + "\": 1}", "UTF-8");
  }
  EXPECT_EQ(error_of("\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\""), "");
}

TEST(Json, RefusesDuplicateKeys) {
  expect_error(R"({"a": 1, "b": 2, "a": 3})", R"(the key "a" occurs twice)");
  expect_error(R"([{"x": {"k\n": 1, "k\u000a": 2}}])", R"("k\n")");
  EXPECT_EQ(error_of(R"({"a": {"a": {"a": 1}}, "b": {"a": 2}})"), "");
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += fmt::format("\"key{}\": {}, ", i, i);
  EXPECT_EQ(error_of(many + "\"last\": 0}"), "");
  expect_error(many + "\"key517\": 0}", R"("key517")");
  expect_error(R"({")" + std::string(5000, 'q') + R"(": 1, ")" + std::string(5000, 'q') + R"(": 2})", "...");
}

TEST(Json, HoldsItsLimits) {
  const JsonLimits small{.max_bytes = 40, .max_depth = 3, .max_values = 5};
  EXPECT_EQ(error_of("[[[1, 2]]]", small), "");
  expect_error("[[[[]]]]", "byte 4: nested deeper than 3", small);
  expect_error("[1, 2, 3, 4, 5]", "more than 5 values", small);
  expect_error(std::string(41, ' '), "41 bytes, the limit is 40", small);
  const std::string deep(10'000'000, '[');
  expect_error(deep, "nested deeper than 64");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  expect_error(objects, "nested deeper than 64");
  EXPECT_EQ(error_of(std::string(64, '[') + std::string(64, ']')), "");
}

double seconds_of(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A vocabulary of 200,000 keys: finding duplicates must not compare every pair (which would take minutes).
TEST(Json, LargeObjectsTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("{}\"token number {}\": {}", i > 0 ? ", " : "", i, i);
  text += "}";
  const double seconds = seconds_of([&] { EXPECT_EQ(error_of(text), ""); });
  EXPECT_LT(seconds, 5.0);
}

TEST(Json, ReadsRealTokenizersQuickly) {
  const std::string folder = SOBRE_SOURCE_DIR "/../shared/tokenizers/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "shared tokenizers are absent";
  for (const char* name : {"gpt2", "smollm2", "minilm"}) {
    const auto text = read_file(folder + name + "/tokenizer.json", 64 << 20);
    ASSERT_TRUE(text) << text.error().message;
    Json parsed;
    const double seconds = seconds_of([&] { parsed = *Json::parse(*text); });
    RecordProperty(std::string(name) + "_bytes_per_us", static_cast<int>(static_cast<double>(text->size()) / seconds * 1e-6));
    EXPECT_LT(seconds, 5.0);  // a bound for slow sanitized builds; 10 MB take about 0.2 s in a release build
    const Json* vocab = parsed.find("model")->find("vocab");
    ASSERT_NE(vocab, nullptr);
    EXPECT_GT(vocab->as_object()->size(), 30'000u);
    EXPECT_EQ(*Json::parse(parsed.dump()), parsed);
  }
}

// Counts what it is told, and stops when asked.
class Recorder final : public JsonHandler {
 public:
  Result<void> begin_object() override { return add("{"); }
  Result<void> key(std::string_view name) override { return add(std::string(name) + ":"); }
  Result<void> end_object() override { return add("}"); }
  Result<void> begin_array() override { return add("["); }
  Result<void> end_array() override { return add("]"); }
  Result<void> scalar(Json value) override {
    if (value == Json("stop")) return fail("stopped at {}", heard);
    return add(value.dump() + " ");
  }
  std::string heard;

 private:
  Result<void> add(const std::string& part) {
    heard += part;
    return {};
  }
};

TEST(WalkJson, TellsEveryPartInOrder) {
  Recorder all;
  ASSERT_TRUE(walk_json(R"({"a": [1, null, "x"], "b": {"c": 2.5}, "a": true})", {}, all));
  EXPECT_EQ(all.heard, R"({a:[1 null "x" ]b:{c:2.5 }a:true })");
  Recorder stopped;
  const auto result = walk_json(R"([1, "stop", 2])", {}, stopped);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "stopped at [1 ");
}

}  // namespace
}  // namespace sobre

// The JSON-Schema-Test-Suite: what compiles holds, and a model of random logits writes only what the schema accepts. With
// SOBRE_LONG=1 every schema is sampled 50 times; with SOBRE_SAMPLES=FILE the samples are written there for
// tests/schema/validate.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "base/random.h"
#include "text/constraint.h"

namespace sobre {
namespace {

const std::string kSuite = "../shared/data/json-schema/tests/draft2020-12";
constexpr const char* kTokenizer = "../shared/tokenizers/smollm2/tokenizer.json";
constexpr int kMaxTokens = 200;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

struct SuiteCase {
  std::string file, description;
  Json schema, tests;
};

std::vector<SuiteCase> read_suite(const std::string& folder) {
  std::vector<SuiteCase> cases;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const auto json = Json::parse(read_file(file));
    if (!json) continue;  // numbers beyond what a double holds
    for (const Json& group : *json->as_array()) {
      cases.push_back({std::filesystem::path(file).stem(), *group.find("description")->as_string(), *group.find("schema"),
                       *group.find("tests")});
    }
  }
  return cases;
}

/// As Python's json.dumps writes it: all but ASCII escaped.
std::string ascii_dump(const Json& json) {
  std::string out;
  const std::string text = json.dump();
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      out += text[i++];
      continue;
    }
    const int size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t code = lead & (size == 2 ? 0x1F : size == 3 ? 0x0F : 0x07);
    for (int k = 1; k < size; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + static_cast<size_t>(k)]) & 0x3F);
    i += static_cast<size_t>(size);
    if (code >= 0x10000) {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((static_cast<uint32_t>(code) - 0x10000) >> 10),
                         0xDC00 + ((static_cast<uint32_t>(code) - 0x10000) & 0x3FF));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
    }
  }
  return out;
}

bool has_keyword(const Json& json, const std::string& name) {
  if (const Json::Array* array = json.as_array()) {
    return std::any_of(array->begin(), array->end(), [&](const Json& j) { return has_keyword(j, name); });
  }
  const Json::Object* object = json.as_object();
  return object != nullptr && std::any_of(object->begin(), object->end(), [&](const Json::Member& m) {
           return m.first == name || has_keyword(m.second, name);
         });
}

/// Some keyword of the schema is in the message.
bool names_a_keyword(const Json& schema, const std::string& message) {
  if (schema.is_bool()) return message.find("false") != std::string::npos;
  static constexpr const char* kKeywords[] = {"$ref",
                                              "$schema",
                                              "$vocabulary",
                                              "allOf",
                                              "anyOf",
                                              "oneOf",
                                              "not",
                                              "enum",
                                              "const",
                                              "type",
                                              "uniqueItems",
                                              "contains",
                                              "unevaluatedProperties",
                                              "unevaluatedItems",
                                              "pattern",
                                              "properties",
                                              "propertyNames",
                                              "multipleOf",
                                              "dependencies",
                                              "items"};
  return std::any_of(std::begin(kKeywords), std::end(kKeywords),
                     [&](const char* name) { return message.find(name) != std::string::npos && has_keyword(schema, name); });
}

class JsonSchemaSuite : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << kSuite << " is not there";
  }
};

const TokenIndex* test_index(std::shared_ptr<const TokenIndex>& keep) {
  static std::optional<Tokenizer> tokenizer;
  static std::shared_ptr<const TokenIndex> index;
  if (!index && std::filesystem::exists(kTokenizer)) {
    auto read = Tokenizer::from_file(kTokenizer);
    EXPECT_TRUE(read.has_value());
    tokenizer = std::move(*read);
    const std::vector<int32_t> stops{*tokenizer->find_token("<|im_end|>")};
    index = TokenIndex::build(*tokenizer, stops, tokenizer->vocab_size());
  }
  keep = index;
  return index.get();
}
const Tokenizer& test_tokenizer() {
  static const Tokenizer tokenizer = *Tokenizer::from_file(kTokenizer);
  return tokenizer;
}

TEST_F(JsonSchemaSuite, AcceptsWhatIsValidAndNothingElse) {
  std::map<std::string, std::pair<int, int>> files;
  for (const SuiteCase& c : read_suite(kSuite)) {
    auto& [enforced, all] = files[c.file];
    ++all;
    const auto grammar = Grammar::compile(grammar_schema(c.schema));
    if (!grammar) {
      EXPECT_TRUE(names_a_keyword(c.schema, grammar.error().message)) << c.description << ": " << grammar.error().message;
      continue;
    }
    ++enforced;
    for (const Json& test : *c.tests.as_array()) {
      const bool valid = *test.find("valid")->as_bool();
      const Json& data = *test.find("data");
      for (const std::string& text :
           {ascii_dump(data), data.dump(), data.dump({.item_separator = ",", .key_separator = ":"})}) {
        EXPECT_EQ((*grammar)->matches(text), valid)
            << c.file << ": " << c.description << ": " << *test.find("description")->as_string() << ": " << text.substr(0, 200);
      }
    }
  }
  int enforced_files = 0;
  for (const auto& [file, counts] : files) enforced_files += counts.first > 0;
  EXPECT_GE(enforced_files * 10, static_cast<int>(files.size()) * 9);
}

TEST_F(JsonSchemaSuite, OptionalPartsHoldWhereTheyCompile) {
  // These judge patterns or numbers in another way than we do, or let formats decide.
  const std::set<std::string> other = {"format-assertion", "bignum"};
  for (const SuiteCase& c : read_suite(kSuite + "/optional")) {
    if (other.contains(c.file)) continue;
    const auto grammar = Grammar::compile(grammar_schema(c.schema));
    if (!grammar) continue;
    for (const Json& test : *c.tests.as_array()) {
      const std::string text = ascii_dump(*test.find("data"));
      EXPECT_EQ((*grammar)->matches(text), *test.find("valid")->as_bool())
          << c.file << ": " << c.description << ": " << *test.find("description")->as_string() << ": " << text.substr(0, 200);
    }
  }
}

/// A text drawn uniformly from the masks, ended by the shortest way at the limit.
std::string draw(const std::shared_ptr<const Grammar>& grammar, const std::shared_ptr<const TokenIndex>& index, uint64_t seed,
                 uint32_t stream) {
  Constraint constraint(grammar, index);
  std::string text;
  const Tokenizer& tokenizer = test_tokenizer();
  for (int n = 0; n < kMaxTokens && !constraint.ended(); ++n) {
    const auto mask = constraint.mask();
    uint64_t count = 0;
    for (const uint64_t word : mask) count += static_cast<uint64_t>(std::popcount(word));
    EXPECT_GT(count, 0U) << text;
    if (count == 0) return text;
    auto left = static_cast<uint64_t>(random_unit(seed, stream, static_cast<uint64_t>(n)) * static_cast<double>(count));
    int32_t id = 0;
    for (size_t w = 0;; ++w) {
      const auto here = static_cast<uint64_t>(std::popcount(mask[w]));
      if (left >= here) {
        left -= here;
        continue;
      }
      uint64_t word = mask[w];
      for (; left > 0; --left) word &= word - 1;
      id = static_cast<int32_t>(w * 64) + std::countr_zero(word);
      break;
    }
    EXPECT_TRUE(constraint.accept(id)) << text << " then " << id;
    if (tokenizer.is_special(id)) return text;
    text += tokenizer.token_bytes(id);
  }
  std::vector<int32_t> rest;
  constraint.shortest_completion(rest);
  for (const int32_t id : rest) {
    EXPECT_TRUE(constraint.accept(id)) << text << " then " << id;
    text += tokenizer.token_bytes(id);
  }
  EXPECT_TRUE(constraint.complete()) << text;
  return text;
}

TEST_F(JsonSchemaSuite, RandomModelsWriteWhatTheSchemaAccepts) {
  std::shared_ptr<const TokenIndex> index;
  if (test_index(index) == nullptr) GTEST_SKIP() << kTokenizer << " is not there";
  const int samples = std::getenv("SOBRE_LONG") != nullptr ? 50 : 5;
  const char* path = std::getenv("SOBRE_SAMPLES");
  std::ofstream out;
  if (path != nullptr) out.open(path);
  uint64_t seed = 0;
  for (const char* folder : {"", "/optional"}) {
    for (const SuiteCase& c : read_suite(kSuite + folder)) {
      ++seed;
      const auto grammar = Grammar::compile(grammar_schema(c.schema));
      if (!grammar) continue;
      for (int i = 0; i < samples; ++i) {
        const std::string text = draw(*grammar, index, seed, static_cast<uint32_t>(i));
        ASSERT_TRUE((*grammar)->matches(text)) << c.file << ": " << c.description << ": " << text;
        const auto json = Json::parse(text);
        ASSERT_TRUE(json.has_value()) << c.file << ": " << c.description << ": " << text << ": " << json.error().message;
        if (path != nullptr) {
          const Json line(Json::Object{{"name", c.file + ": " + c.description}, {"schema", c.schema}, {"text", text}});
          out << line.dump() << '\n';
        }
      }
    }
  }
}

/// The tokens of valid instances, as the tokenizer cuts them, go through the masks.
TEST_F(JsonSchemaSuite, MasksAllowTheTokensOfValidInstances) {
  std::shared_ptr<const TokenIndex> index;
  if (test_index(index) == nullptr) GTEST_SKIP() << kTokenizer << " is not there";
  for (const SuiteCase& c : read_suite(kSuite)) {
    const auto grammar = Grammar::compile(grammar_schema(c.schema));
    if (!grammar) continue;
    for (const Json& test : *c.tests.as_array()) {
      const std::string text = ascii_dump(*test.find("data"));
      Constraint constraint(*grammar, index);
      bool taken = true;
      for (const int32_t id : test_tokenizer().encode(text, {.parse_special = false})) {
        const auto mask = constraint.mask();
        const bool allowed = (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
        taken = taken && constraint.accept(id);
        ASSERT_TRUE(allowed || !taken);
        if (!taken) break;
        ASSERT_TRUE(allowed) << c.description << ": " << text;
      }
      ASSERT_EQ(taken && constraint.complete(), *test.find("valid")->as_bool())
          << c.file << ": " << c.description << ": " << text;
    }
  }
}

}  // namespace
}  // namespace sobre

#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "text/unicode.h"

namespace sobre {
namespace {

/// A tokenizer.json; the parts are JSON texts.
std::string file(const std::string& model, const std::string& added = "[]", const std::string& normalizer = "null",
                 const std::string& pre = "null", const std::string& post = "null", const std::string& decoder = "null") {
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":)" + added + R"(,"normalizer":)" + normalizer +
         R"(,"pre_tokenizer":)" + pre + R"(,"post_processor":)" + post + R"(,"decoder":)" + decoder + R"(,"model":)" + model +
         "}";
}

Tokenizer load(const std::string& json) {
  auto tokenizer = Tokenizer::from_hf_json(json);
  EXPECT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  return std::move(*tokenizer);
}

std::string error_of(const std::string& json) {
  const auto tokenizer = Tokenizer::from_hf_json(json);
  return tokenizer ? "no error" : tokenizer.error().message;
}

using Ids = std::vector<int32_t>;
const std::string kBpe =
    R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"abc":4,"bc":5},"merges":[["b","c"],["a","b"],["ab","c"]]})";
const std::string kByteLevel = R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true})";

TEST(Tokenizer, MergesByRankThenFromTheLeft) {
  const Tokenizer t = load(file(kBpe));
  EXPECT_EQ(t.encode("abc"), (Ids{0, 5}));
  EXPECT_EQ(t.encode("abab"), (Ids{3, 3}));
  EXPECT_EQ(t.encode("axb"), (Ids{3}));  // without unk_token unknown characters vanish before merging
  EXPECT_EQ(t.decode(Ids{3, 2}), "ab c");
  EXPECT_EQ(t.decode(Ids{-1, 3, 99}), "ab");
  EXPECT_EQ(t.vocab_size(), 6);
  EXPECT_EQ(t.find_token("abc"), 4);
  EXPECT_EQ(t.find_token("zz"), std::nullopt);
  EXPECT_EQ(t.token_text(17), "");
}

/// The definition of BPE over kBpe's merges: again and again the best pair, leftmost first.
Ids merge_plainly(const std::string& text) {
  Ids ids;
  for (const char c : text) ids.push_back(c - 'a');
  constexpr int32_t kMerges[3][3] = {{1, 2, 5}, {0, 1, 3}, {3, 2, 4}};
  for (bool merged = true; merged;) {
    merged = false;
    for (const auto& [left, right, result] : kMerges) {
      for (size_t i = 0; i + 1 < ids.size() && !merged; ++i) {
        if (ids[i] != left || ids[i + 1] != right) continue;
        ids[i] = result;
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        merged = true;
      }
      if (merged) break;
    }
  }
  return ids;
}

TEST(Tokenizer, MergesAsDefinedAtAnyLength) {
  const Tokenizer t = load(file(kBpe));
  std::mt19937 random(3);
  for (size_t n = 1; n < 400; n += 1 + n / 20) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text.push_back(static_cast<char>('a' + random() % 3));
    ASSERT_EQ(t.encode(text), merge_plainly(text)) << text;
  }
}

TEST(Tokenizer, UnknownCharacters) {
  const std::string base = R"({"type":"BPE","vocab":{"<unk>":0,"a":1,"<0xC3>":2,"<0xA9>":3},"merges":[],"unk_token":"<unk>",)";
  EXPECT_EQ(load(file(base + R"("fuse_unk":false})")).encode("axya"), (Ids{1, 0, 0, 1}));
  EXPECT_EQ(load(file(base + R"("fuse_unk":true})")).encode("axya"), (Ids{1, 0, 1}));
  EXPECT_EQ(load(file(base + R"("fuse_unk":true,"byte_fallback":true})")).encode("a\u00E9x"), (Ids{1, 2, 3, 0}));
}

TEST(Tokenizer, UnknownBytesAreFusedToo) {
  const std::string base = R"({"type":"BPE","vocab":{"<unk>":0,"a":1},"merges":[],"unk_token":"<unk>","fuse_unk":)";
  const std::string pre = R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})";
  for (const auto& [fuse, ids] : {std::pair("true", Ids{1, 0, 1, 0}), std::pair("false", Ids{1, 0, 0, 1, 0})})
    EXPECT_EQ(load(file(base + fuse + "}", "[]", "null", pre, "null", kByteLevel)).encode("axyax"), ids) << fuse;
}

TEST(Tokenizer, FallbackIsThatOfTheCharacterWithItsAffix) {
  const std::string vocab =
      R"("vocab":{"<unk>":0,"a":1,"<0x78>":2,"<0x2F>":3},"merges":[],"unk_token":"<unk>","byte_fallback":true)";
  EXPECT_EQ(load(file(R"({"type":"BPE",)" + vocab + R"(,"end_of_word_suffix":"/"})")).encode("ax"), (Ids{1, 2, 3}));
  EXPECT_EQ(load(file(R"({"type":"BPE",)" + vocab + R"(,"continuing_subword_prefix":"/"})")).encode("ax"), (Ids{1, 3, 2}));
}

TEST(Tokenizer, OfAMergeThatIsListedTwiceTheLastCounts) {
  const std::string model =
      R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4},"merges":[["a","b"],["b","c"],["a","b"]]})";
  EXPECT_EQ(load(file(model)).encode("abc"), (Ids{0, 4}));
}

TEST(Tokenizer, AddedTokens) {
  const std::string added =
      R"([{"id":6,"content":"<s>","special":true},{"id":7,"content":"<s>>","special":false,"normalized":false},
    {"id":8,"content":"cb","single_word":true,"normalized":false,"special":false},
    {"id":9,"content":"#","lstrip":true,"rstrip":true,"normalized":false,"special":true}])";
  const Tokenizer t = load(file(kBpe, added));
  EXPECT_EQ(t.encode("a<s>b"), (Ids{0, 6, 1}));
  EXPECT_EQ(t.encode("a<s>>b"), (Ids{0, 7, 1}));  // longest first
  EXPECT_EQ(t.encode("a<s>b", {.parse_special = false}), (Ids{3}));
  EXPECT_EQ(t.encode("a<s>>b", {.parse_special = false}), (Ids{0, 7, 1}));
  EXPECT_EQ(t.encode("cb acb cb"), (Ids{8, 0, 2, 1, 8}));
  EXPECT_EQ(t.encode("a  # \n b"), (Ids{0, 9, 1}));
  EXPECT_TRUE(t.is_special(6) && !t.is_special(7) && !t.is_special(0));
  EXPECT_EQ(t.decode(Ids{0, 6, 1}, true), "a b");
}

TEST(Tokenizer, NormalizersCannotForgeControlTokens) {
  // A full-width <s> becomes <s> under NFKC, after the added tokens were looked for.
  const std::string model =
      R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["<s>",0.0],["<",-5.0],["s",-5.0],[">",-5.0]]})";
  const Tokenizer t =
      load(file(model, R"([{"id":1,"content":"<s>","special":true,"normalized":false}])", R"({"type":"NFKC"})"));
  EXPECT_EQ(t.encode("<s>"), (Ids{1}));
  EXPECT_EQ(t.encode("\uFF1Cs\uFF1E"), (Ids{2, 3, 4}));
  EXPECT_EQ(t.encode("<s>", {.parse_special = false}), (Ids{2, 3, 4}));
}

TEST(Tokenizer, PostProcessors) {
  const std::string added = R"([{"id":6,"content":"[B]","special":true},{"id":7,"content":"[E]","special":true}])";
  const std::string templ =
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[B]","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
    "pair":[],"special_tokens":{"[B]":{"id":"[B]","ids":[6],"tokens":["[B]"]}}})";
  const Tokenizer t =
      load(file(kBpe, added, "null", "null", R"({"type":"Sequence","processors":[{"type":"ByteLevel"},)" + templ + "]}"));
  EXPECT_EQ(t.encode("ab", {.add_special = true}), (Ids{6, 3}));
  EXPECT_EQ(t.encode("ab"), (Ids{3}));
  const std::string roberta = R"({"type":"RobertaProcessing","sep":["[E]",7],"cls":["[B]",6]})";
  EXPECT_EQ(load(file(kBpe, added, "null", "null", roberta)).encode("", {.add_special = true}), (Ids{6, 7}));
}

TEST(Tokenizer, InvalidUtf8IsReadAsReplacementCharacters) {
  const std::string model = R"({"type":"BPE","vocab":{"a":0,"\ufffd":1},"merges":[]})";
  EXPECT_EQ(load(file(model))
                .encode("a\xFF"
                        "a\xE2\x82"),
            (Ids{0, 1, 0, 1}));
}

TEST(Tokenizer, StreamsHoldIncompleteCharactersBack) {
  // U+00E9 is the bytes C3 A9, spelled as U+00C3 U+00A9.
  const std::string model = R"({"type":"BPE","vocab":{"\u00c3":0,"\u00a9":1,"a":2,"<e>":3},"merges":[]})";
  const Tokenizer t = load(file(model, R"([{"id":3,"content":"<e>","special":true}])", "null", kByteLevel, "null", kByteLevel));
  EXPECT_EQ(t.kind(), "byte-level BPE");
  EXPECT_EQ(t.encode("\u00E9a"), (Ids{0, 1, 2}));
  StreamDecoder stream(t);
  EXPECT_EQ(stream.push(0), "");
  EXPECT_EQ(stream.push(3), "");  // a special token, skipped
  EXPECT_EQ(stream.push(1), "\u00E9");
  EXPECT_EQ(stream.push(0), "");
  EXPECT_EQ(stream.push(2),
            "\uFFFD"
            "a");
  EXPECT_EQ(stream.push(0), "");
  EXPECT_EQ(stream.push(77), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(t.token_bytes(0), "\xC3");
}

const std::string kSpmDecoder =
    R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},
  {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})";

TEST(Tokenizer, ByteRunsAreReplacedAsAWhole) {
  const std::string model =
      R"({"type":"BPE","vocab":{"\u2581a":0,"<0xC3>":1,"<0xA9>":2,"\u2581":3},"merges":[],"byte_fallback":true})";
  const Tokenizer t = load(file(model, "[]", "null", "null", "null", kSpmDecoder));
  EXPECT_EQ(t.decode(Ids{0, 1, 2, 0}), "a\u00E9 a");
  EXPECT_EQ(t.decode(Ids{1, 2, 1, 0}), "\uFFFD\uFFFD\uFFFD a");
  EXPECT_EQ(t.decode(Ids{3, 3, 0}), "  a");
  for (const Ids& ids : {Ids{0, 1, 2, 0}, Ids{1, 2, 1, 0}, Ids{3, 1, 0, 2}, Ids{2}, Ids{}}) {
    StreamDecoder stream(t);
    std::string text;
    for (const int32_t id : ids) {
      text += stream.push(id);
      EXPECT_TRUE(is_valid_utf8(text));
    }
    EXPECT_EQ(text + stream.finish(), t.decode(ids));
  }
}

TEST(Tokenizer, MetaspaceAndWordPieceDecoders) {
  const std::string model =
      R"({"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"un":1,"##able":2,"able":3,".":4,"##":5},"max_input_chars_per_word":8})";
  const std::string pre = R"({"type":"BertPreTokenizer"})", decoder = R"({"type":"WordPiece","prefix":"##","cleanup":true})";
  const Tokenizer t = load(file(model, "[]", R"({"type":"BertNormalizer"})", pre, "null", decoder));
  EXPECT_EQ(t.encode("Unable ABLE. \u00DAn unx unableable"), (Ids{1, 2, 3, 4, 1, 0, 0}));
  EXPECT_EQ(t.decode(Ids{1, 2, 3, 4}), "unable able.");
  EXPECT_EQ(t.decode(Ids{2, 2}), "##ableable");
}

TEST(Tokenizer, DecodersOfSingleTokens) {
  const std::string model = R"({"type":"WordLevel","unk_token":"?","vocab":{"?":0,"a</w>":1,"b":2,"  c ":3,"a b":4}})";
  const auto decoded = [&](const std::string& decoder, const Ids& ids) {
    return load(file(model, "[]", "null", "null", "null", decoder)).decode(ids);
  };
  const std::string word_ends = R"({"type":"BPEDecoder","suffix":"</w>"})";
  EXPECT_EQ(decoded(word_ends, {1, 2, 1}), "a ba");
  EXPECT_EQ(decoded(word_ends, {1, 2}), "a b");
  EXPECT_EQ(decoded(R"({"type":"Strip","content":" ","start":1,"stop":2})", {3, 2, 3}), " cb c");
  EXPECT_EQ(decoded(R"({"type":"Sequence","decoders":[]})", {2, 2}), "bb");
  EXPECT_EQ(decoded("null", {2, 2}), "b b");
  const std::string strip = R"({"type":"Strip","content":" ","start":1,"stop":0})";
  const auto sequence = [](const std::string& list) { return R"({"type":"Sequence","decoders":[)" + list + "]}"; };
  EXPECT_EQ(decoded(sequence(strip + R"(,{"type":"Replace","pattern":{"String":" "},"content":"_"})"), {4, 3}), "a_b_c_");
  EXPECT_NE(error_of(file(model, "[]", "null", "null", "null", sequence(R"({"type":"Fuse"},)" + strip + "," + strip))),
            "no error");
  EXPECT_NE(error_of(file(model, "[]", "null", "null", "null", R"({"type":"BPEDecoder","suffix":""})")), "no error");
  const std::string added = R"([{"id":5,"content":"D","normalized":true,"special":false}])";  // the normalised spelling counts
  EXPECT_EQ(load(file(model, added, R"({"type":"Lowercase"})")).decode(Ids{5, 5}), "d d");
}

TEST(Tokenizer, ModelsDoNotKnowAddedTokens) {
  const std::string alone = R"([{"id":9,"content":"\u00E9","single_word":true,"normalized":false,"special":false}])";
  const std::string words = R"({"type":"WordLevel","unk_token":"?","vocab":{"?":0,"a":1}})";
  const std::string pre = R"({"type":"FixedLength","length":1})";
  EXPECT_EQ(load(file(words, alone, "null", pre)).encode("a\u00E9 \u00E9"), (Ids{1, 0, 0, 9}));
  EXPECT_EQ(load(file(kBpe, alone)).encode("a\u00E9 \u00E9"), (Ids{0, 9}));
}

TEST(Tokenizer, UnigramKeepsTheFirstOfEqualPaths) {
  const Tokenizer t = load(file(R"({"type":"Unigram","unk_id":0,"vocab":[["?",0.0],["a",-1.0],["aa",-2.0]]})"));
  EXPECT_EQ(t.encode("aaa"), (Ids{1, 2}));
}

TEST(Tokenizer, TakenWhiteSpaceIsNotTakenAgain) {
  const std::string both = R"([{"id":9,"content":"  ","lstrip":true,"rstrip":true,"normalized":false,"special":false}])";
  EXPECT_EQ(load(file(kBpe, both)).encode("a     a"), (Ids{0, 9, 0}));
  const std::string right = R"([{"id":9,"content":"  ","rstrip":true,"normalized":false,"special":false}])";
  EXPECT_EQ(load(file(kBpe, right)).encode("a     a"), (Ids{0, 9, 9, 0}));
}

TEST(Tokenizer, NormalizersAndSplits) {
  const std::string model =
      R"({"type":"WordLevel","unk_token":"?","vocab":{"?":0,"ka":1,"b":2,"-":3,"a":4,"a-":5,"-a":6,"e":7}})";
  const auto ids = [&](const std::string& normalizer, const std::string& pre, std::string_view text) {
    return load(file(model, "[]", normalizer, pre)).encode(text);
  };
  const auto split = [](const char* behavior, const char* invert) {
    return R"({"type":"Split","pattern":{"String":"-"},"behavior":")" + std::string(behavior) + R"(","invert":)" + invert + "}";
  };
  EXPECT_EQ(ids("null", split("Isolated", "false"), "a--b"), (Ids{4, 3, 3, 2}));
  EXPECT_EQ(ids("null", split("Removed", "false"), "-a--b"), (Ids{4, 2}));
  EXPECT_EQ(ids("null", split("Removed", "true"), "-a--b"), (Ids{3, 3, 3}));
  EXPECT_EQ(ids("null", split("MergedWithPrevious", "false"), "a-b"), (Ids{5, 2}));
  EXPECT_EQ(ids("null", split("MergedWithNext", "false"), "b--a"), (Ids{2, 3, 6}));
  EXPECT_EQ(ids("null", split("Contiguous", "false"), "b--a"), (Ids{2, 0, 4}));
  EXPECT_EQ(ids("null", R"({"type":"Split","pattern":{"String":""},"behavior":"Isolated","invert":false})", "b-e"),
            (Ids{2, 3, 7}));  // an empty string is everywhere
  EXPECT_EQ(ids("null", R"({"type":"Whitespace"})", "a \u200D b"), (Ids{4, 0, 2}));
  EXPECT_EQ(ids("null", R"({"type":"FixedLength","length":2})", "kakab"), (Ids{1, 1, 2}));
  // Marks with width go too, but not in BertNormalizer.
  EXPECT_EQ(ids(R"({"type":"StripAccents"})", "null", "e\u093F\u0301"), (Ids{7}));
  EXPECT_EQ(ids(R"({"type":"BertNormalizer"})", "null", "\u00C9"), (Ids{7}));
  EXPECT_EQ(ids(R"({"type":"BertNormalizer"})", "null", "e\u093F"), (Ids{0}));
  EXPECT_EQ(ids(R"({"type":"Sequence","normalizers":[{"type":"Strip"},{"type":"Lowercase"}]})", "null", " \u3000KA\n"),
            (Ids{1}));
}

TEST(Tokenizer, ChainsThatGrowTextWithoutBoundAreRefused) {
  std::string chain;
  for (int i = 0; i < 12; ++i)
    chain += std::string(i > 0 ? "," : "") + R"({"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaa"})";
  EXPECT_NE(error_of(file(kBpe, "[]", R"({"type":"Sequence","normalizers":[)" + chain + "]}")).find("times as long"),
            std::string::npos);
  std::string spaces;
  for (int i = 0; i < 12; ++i)
    spaces += std::string(i > 0 ? "," : "") + R"({"type":"Metaspace"},{"type":"FixedLength","length":1})";
  EXPECT_NE(
      error_of(file(kBpe, "[]", "null", R"({"type":"Sequence","pretokenizers":[)" + spaces + "]}")).find("more than three"),
      std::string::npos);
}

TEST(Tokenizer, WhatAFileMultipliesIsBounded) {
  std::string pieces = R"({"Sequence":{"id":"A","type_id":0}})", ids = "6";
  for (int i = 0; i < 100; ++i) {
    pieces += R"(,{"SpecialToken":{"id":"[B]","type_id":0}})";
    ids += ",6";
  }
  const std::string around =
      R"({"type":"TemplateProcessing","single":[)" + pieces + R"(],"pair":[],"special_tokens":{"[B]":{"ids":[)" + ids + "]}}}";
  EXPECT_NE(
      error_of(file(kBpe, R"([{"id":6,"content":"[B]","special":true}])", "null", "null", around)).find("more than 1024 ids"),
      std::string::npos);
  // Refused before it is normalised, which would make 8 MB of it.
  const std::string token = R"([{"id":6,"content":")" + std::string(5000, 'a') + R"(","normalized":true}])";
  const std::string longer = R"({"type":"Replace","pattern":{"String":"a"},"content":")" + std::string(1600, 'b') + R"("})";
  EXPECT_NE(error_of(file(kBpe, token, longer)).find("5000 bytes long; at most 4096"), std::string::npos)
      << error_of(file(kBpe, token, longer)).substr(0, 200);
}

TEST(Tokenizer, FaultyFilesAreRefused) {
  const auto bpe = [](const std::string& vocab, const std::string& merges) {
    return file(R"({"type":"BPE","vocab":)" + vocab + R"(,"merges":)" + merges + "}");
  };
  EXPECT_NE(error_of("{}").find("no model"), std::string::npos);
  EXPECT_NE(error_of("[1").size(), 0u);
  EXPECT_NE(error_of(bpe(R"({"a":0})", R"([["a","b"]])")).find("merge 0"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":0,"b":1})", R"(["a b"])")).find("merge 0"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":0})", R"(["a"])")).find("not two tokens"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":0})", R"([7])")).find("pair of strings"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":-1})", "[]")).find("id"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":4000000000})", "[]")).find("id"), std::string::npos);
  EXPECT_NE(error_of(bpe(R"({"a":0,"b":0})", "[]")).find("share the id"), std::string::npos);
  EXPECT_NE(error_of(file(R"({"type":"Neural","vocab":{}})")).find("model 'Neural' is not supported"), std::string::npos);
  EXPECT_NE(error_of(file(kBpe, "[]", R"({"type":"Shout"})")).find("normalizer 'Shout' is not supported"), std::string::npos);
  EXPECT_NE(error_of(file(kBpe, "[]", "null", R"({"type":"Cut"})")).find("pre_tokenizer 'Cut' is not supported"),
            std::string::npos);
  EXPECT_NE(error_of(file(kBpe, "[]", "null", "null", R"({"type":"Add"})")).find("post_processor 'Add' is not supported"),
            std::string::npos);
  EXPECT_NE(error_of(file(kBpe, "[]", "null", "null", "null", R"({"type":"CTC"})")).find("decoder 'CTC' is not supported"),
            std::string::npos);
  EXPECT_NE(error_of(file(R"({"type":"Unigram","vocab":[["a",0.0]],"unk_id":5})")).find("unk_id"), std::string::npos);
  EXPECT_NE(error_of(file(R"({"type":"WordPiece","vocab":{"a":0}})")).find("[UNK]"), std::string::npos);
}

VocabData byte_vocab() {
  VocabData v;
  v.model = "llama";
  v.tokens = {"<unk>", "<s>", "</s>", "<0x0A>", "\u2581a", "a", "\u2581", "/", ">", "</", "<", "s", "s>"};
  v.scores = {0, 0, 0, 0, -1, -5, -5, -5, -5, -2, -5, -5, -2};
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  v.types[0] = TokenType::kUnknown;
  v.types[1] = v.types[2] = TokenType::kControl;
  v.types[3] = TokenType::kByte;
  v.bos = 1;
  v.eos = 2;
  v.unk = 0;
  return v;
}

TEST(GgufVocab, Llama) {
  const auto t = Tokenizer::from_vocab(byte_vocab());
  ASSERT_TRUE(t.has_value()) << t.error().message;
  EXPECT_EQ(t->encode("a a", {.add_special = true}), (Ids{1, 4, 4}));
  EXPECT_EQ(t->encode("a</s>a"), (Ids{4, 2, 4}));
  // "</" and "s>" would merge into the control token, which has the best score: it must not come out of plain text.
  EXPECT_EQ(t->encode("</s>", {.parse_special = false}), (Ids{6, 9, 12}));
  EXPECT_EQ(t->encode("\n\u4E2D"), (Ids{6, 3, 0}));
  EXPECT_EQ(t->decode(Ids{4, 3, 4}), "a\n a");
  EXPECT_EQ(t->bos(), 1);
}

TEST(GgufVocab, TheEndTokenIsControlWhateverItsType) {
  VocabData v = byte_vocab();
  v.types[2] = TokenType::kNormal;
  const auto t = Tokenizer::from_vocab(std::move(v));
  ASSERT_TRUE(t.has_value()) << t.error().message;
  EXPECT_TRUE(t->is_special(2));
  EXPECT_EQ(t->encode("</s>"), (Ids{2}));
  EXPECT_EQ(t->encode("</s>", {.parse_special = false}), (Ids{6, 9, 12}));
}

TEST(GgufVocab, FaultyOnesAreRefused) {
  const auto error = [](auto&& change) {
    VocabData v = byte_vocab();
    change(v);
    const auto t = Tokenizer::from_vocab(std::move(v));
    return t ? "no error" : t.error().message;
  };
  EXPECT_NE(error([](VocabData& v) { v.tokens[3] = "<0x-1>"; }).find("'<0x-1>'"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.scores.pop_back(); }).find("12 scores"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.types.pop_back(); }).find("12 token types"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.eos = 13; }).find("13"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.bos = -2; }).find("-2"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.tokens.clear(); }).find("empty"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.model = "rwkv"; }).find("'rwkv'"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) { v.scores[4] = std::numeric_limits<float>::quiet_NaN(); }).find("finite"),
            std::string::npos);
  const std::string pre = error([](VocabData& v) {
    v.model = "gpt2";
    v.pre = "none-such";
  });
  EXPECT_NE(pre.find("'none-such'"), std::string::npos);
  EXPECT_NE(pre.find("llama-bpe"), std::string::npos);
  EXPECT_NE(error([](VocabData& v) {
              v.model = "gpt2";
              v.merges = {"a x"};
            }).find("merge 0"),
            std::string::npos);
}

TEST(GgufVocab, EmptyAndDoubleTokens) {
  VocabData v = byte_vocab();
  v.tokens[5] = "";
  v.tokens[7] = "a";
  v.tokens[8] = "\xFF";
  v.types[8] = TokenType::kUserDefined;
  const auto t = Tokenizer::from_vocab(std::move(v));
  ASSERT_TRUE(t.has_value()) << t.error().message;
  EXPECT_EQ(t->encode("xa"), (Ids{6, 0, 7}));
  EXPECT_EQ(t->decode(Ids{5, 7, 8}), "a\uFFFD");
}

}  // namespace
}  // namespace sobre

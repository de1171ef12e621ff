// The language of chat templates, beside what the reference (jinja2 3.1 as transformers sets it up) renders; limits; and what
// counts as input.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <span>
#include <sstream>

namespace sobre {
namespace {

constexpr LocalTime kNow = {2026, 3, 9, 14, 5, 6};
constexpr std::string_view kVariables = R"({"n": 5, "fl": 2.5, "s": "Hello, World", "sp": "  a b \n", "l": [3, 1, 2],
  "words": ["b", "A", "c"], "d": {"b": 1, "a": 2}, "yes": true, "no": false, "nothing": null, "uni": "hé ✓ ß", "bos_token": "<s>",
  "people": [{"name": "Bob", "age": 30}, {"name": "al", "age": 25}, {"name": "Cy", "age": 30, "x": {"y": 1}}],
  "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": []}]}]})";

struct Case {
  std::string_view source, rendered;
};

Result<RenderedText> render(std::string_view source, const TemplateLimits& limits = {}) {
  TRY(const ChatTemplate chat, ChatTemplate::parse(source, limits));
  TRY(const Json variables, Json::parse(kVariables));
  return chat.render(variables, kNow);
}

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    const auto got = render(c.source);
    ASSERT_TRUE(got.has_value()) << c.source << "\n" << got.error().message;
    EXPECT_EQ(got->text, c.rendered) << c.source;
  }
}

std::string error_of(std::string_view source, const TemplateLimits& limits = {}) {
  const auto got = render(source, limits);
  return got ? "rendered: " + got->text.substr(0, 100) : got.error().message;
}

/// The output with what came from the input in angle quotes.
std::string marked(std::string_view source) {
  const auto got = render(source);
  if (!got) return got.error().message;
  std::string out;
  size_t done = 0;
  for (const TextSpan& s : got->from_input) {
    out += got->text.substr(done, s.begin - done);
    ((out += "«") += got->text.substr(s.begin, s.end - s.begin)) += "»";
    done = s.end;
  }
  return out += got->text.substr(done);
}

constexpr Case kWhiteSpaceIsControlledAsInJinja[] = {
    {"a\n  {% if yes %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc"},
    {"a\n  {%- if yes %}\n  b\n  {%- endif %}\nc\n\n", "a  bc\n"},
    {"a\n  {%+ if yes %}\n  b\n  {%+ endif %}\nc", "a\n    b\n  c"},
    {"a {% if yes -%} \n b {%- endif -%} \n c", "a bc"},
    {"x\n {{- 1 -}}\n\n y", "x1y"},
    {"  {# c #}\nx {#- d -#}\n z", "xz"},
    {"a\n  {#+ c +#}\n x", "a\n  \n x"},
    {"{% raw %}\n {{ x }}\n  {% endraw %}\nb", "\n {{ x }}\nb"},
    {"  {%- raw -%}  {{ y }} {%- endraw -%}  z", "{{ y }}z"},
    {"{{ 1 }}\n{{ 2 }}\n\n", "1\n2\n"},
    {"a\r\nb\rc\r\n", "a\nb\nc"},
    {" {% if yes -%} x{% endif %}", "x"},
    {"{{ 1 }}  {% if yes %}\nx{% endif %}", "1  x"},
    {"{{ {'a':{'b':1}}}}", "{'a': {'b': 1}}"},
    {"{{ '%}' }}{% set x = '}}' %}{{ x }}", "%}}}"},
    {"", ""},
};

TEST(ChatTemplate, WhiteSpaceIsControlledAsInJinja) { check(kWhiteSpaceIsControlledAsInJinja); }

constexpr Case kNamesLiveInTheFrameThatAssignsThem[] = {
    {"{% set x=1 %}{% for i in l %}{% set x=i %}{{x}}{% endfor %}{{x}}", "3121"},
    {"{% for i in l %}{{ x }}{% set x=i %}{{x}};{% endfor %}{{ x }}", "3;1;2;"},
    {"{% set x=0 %}{% if yes %}{% set x=9 %}{% endif %}{{x}}", "9"},
    {"{% for i in l %}{% if i == 3 %}{% set n=i %}{% endif %}{{n}}{% endfor %}", "355"},
    {"{% set ns=namespace(a=1) %}{% for i in l %}{% set ns.a=ns.a+i %}{% set ns.c=i %}{% endfor %}{{ns.a}}{{ns.c}}{{ns.zz}}",
     "72"},
    {"{% set ns=namespace() %}{% set ns.x, y = 1, 2 %}{{ns.x}}{{y}}", "12"},
    {"{% set a, (b, c) = 1, (2, 3) %}{{a}}{{b}}{{c}}", "123"},
    {"{% set x %}a{{n}}b{% endset %}{{x}}{{x|length}}", "a5b3"},
    {"{% set x|upper|replace('A','z') %}a{{n}}b{% endset %}{{x}}", "z5B"},
    {"{% set n %}{{ n }}!{% endset %}{{n}}", "!"},
    {"{% macro f() %}{{ n }}{% set n = 1 %}{{ n }}{% endmacro %}{{ f() }}{{ n }}", "515"},
    {"{% macro f() %}{{ n }}{% endmacro %}{{ f() }}{% set n = 1 %}{{ f() }}", "1"},
    {"{% macro f() %}{{ n }}{% endmacro %}{{ f() }}{% if yes %}{% set n = 1 %}{% endif %}{{ f() }}", "51"},
    {"{% set a=7 %}{% with a=1, b=a %}{{a}}{{b}}{% endwith %}{{a}}", "177"},
    {"{% filter upper %}a{% set z=1 %}{{z}}{% endfilter %}{{z}}", "A1"},
    {"{% filter replace('a','b')|upper %}xax{% endfilter %}", "XBX"},
    {"{% generation %}x{% set y=1 %}{{n}}{% endgeneration %}{{y}}", "x5"},
    {"{% set n=9 %}{% block a %}{{n}}{% endblock %}", "9"},
    {"{% for i in l %}{% block a scoped %}{{i}}{% endblock %}{% endfor %}", "312"},
};

TEST(ChatTemplate, NamesLiveInTheFrameThatAssignsThem) { check(kNamesLiveInTheFrameThatAssignsThem); }

constexpr Case kLoopsKnowWhereTheyAre[] = {
    {"{% for i in l "
     "%}{{loop.index}}{{loop.index0}}{{loop.revindex}}{{loop.revindex0}}{{loop.first}}{{loop.last}}{{loop.length}} {% endfor "
     "%}",
     "1032TrueFalse3 2121FalseFalse3 3210FalseTrue3 "},
    {"{% for i in l %}{{loop.previtem}}-{{loop.nextitem}} {% endfor %}", "-1 3-2 1- "},
    {"{% for i in l if i > 1 %}{{i}}{{loop.index}}{{loop.length}}{{loop.last}} {% endfor %}", "312False 222True "},
    {"{% for i in l if i > 9 %}{{i}}{% else %}none{% endfor %}", "none"},
    {"{% for i in l %}{% break %}{% else %}E{% endfor %}", "E"},
    {"{% for i in l %}{% if i==1 %}{% continue %}{% endif %}{{i}}{% endfor %}", "32"},
    {"{% for k, v in d.items() %}{{k}}={{v}},{% endfor %}", "b=1,a=2,"},
    {"{% for c in 'héy' %}{{c}}.{% endfor %}", "h.é.y."},
    {"{% for i in missing %}{{i}}{% else %}U{% endfor %}", "U"},
    {"{% for i in tree recursive %}{{i.v}}{{loop.depth}}{% if i.c %}[{{ loop(i.c) }}]{% endif %}{% endfor %}", "11[2232]"},
    {"{% for i in l %}{{ loop.cycle('a','b') }}{{ loop.changed(i > 1) }} {% endfor %}", "aTrue bTrue aTrue "},
    {"{% set ns=namespace(f=false) %}{% for i in l if not ns.f %}{{i}}{% set ns.f=true %}{% endfor %}", "3"},
    {"{% set ns=namespace(f=false) %}{% for i in l if not ns.f %}{{i}}{{loop.last}}{% set ns.f=true %}{% endfor %}",
     "3False1True"},
    {"{% set g = l|map('string') %}{% for i in g %}{{i}}{% break %}{% endfor %}{{ g|list }}", "3['1', '2']"},
    {"{% for i in range(5, 0, -2) %}{{i}}{{loop.revindex}}{% endfor %}", "533211"},
    {"{% for x in l %}{% set outer = loop %}{% for y in words if loop.first %}{{ outer.index }}{{ loop.index }}{{ y }} {% "
     "endfor %}{% endfor %}",
     "11b 12A 13c "},
    {"{% for i in l %}{% filter upper %}a{% if i==1 %}{% break %}{% endif %}{{i}}{% endfilter %}{% endfor %}", "A3"},
};

TEST(ChatTemplate, LoopsKnowWhereTheyAre) { check(kLoopsKnowWhereTheyAre); }

constexpr Case kMacrosAreCalledAsPythonFunctions[] = {
    {"{% macro f(a, b=2, c=a) %}{{a}}{{b}}{{c}} {% endmacro %}{{ f(1) }}{{ f(1,3) }}{{ f(b=5,a=4) }}{{ f() }}",
     "121 131 454 2 "},
    {"{% macro f(a) %}{{a}}{{varargs}}{{kwargs}}{% endmacro %}{{ f(1,2,3,x=4) }}", "1(2, 3){'x': 4}"},
    {"{% macro f(a) %}[{{ caller(a, 2) }}]{% endmacro %}{% call(x, y=3) f(1) %}{{x}}{{y}}{{n}}{% endcall %}", "[125]"},
    {"{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}", "False"},
    {"{% macro f(n) %}{{n}}{% if n > 0 %}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(4) }}", "43210"},
    {"{% macro f(x) %}{% endmacro %}{{ f.name }}{{ f.arguments }}{{ f.catch_kwargs }}{{ f }}", "f('x',)False<Macro 'f'>"},
    {"{% macro f(a=b, b=1) %}{{a}}{{b}}{% endmacro %}{{ f() }}", "1"},
    {"{% macro f(a,b) %}{{a}}{{b}}{% endmacro %}{{ f(*[1,2]) }}{{ f(**{'a':1,'b':2}) }}{{ f(b=1, *[2]) }}", "121221"},
    {"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "B"},
    {"{% macro show(items, level=0) %}{% for i in items %}{{ '  ' * level }}- {{ i.v }}\n{{ show(i.c, level + 1) }}{% endfor "
     "%}{% endmacro %}{{ show(tree) }}",
     "- 1\n  - 2\n  - 3\n"},
};

TEST(ChatTemplate, MacrosAreCalledAsPythonFunctions) { check(kMacrosAreCalledAsPythonFunctions); }

constexpr Case kOperatorsBindAsInJinja[] = {
    {"{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}", "5.0 3 -4 2 64 4"},
    {"{{ 1 ~ 2 ~ none ~ true ~ 1.0 ~ l }}", "12NoneTrue1.0[3, 1, 2]"},
    {"{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 == 1.0 == true }}", "TrueFalseTrue"},
    {"{{ 'H' in s }}{{ 9 not in l }}{{ 'b' in d }}{{ not n in l }}{{ 'x' in missing }}", "TrueTrueTrueTrueFalse"},
    {"{{ no or '' or [] or 'dflt' }}{{ no and x.y }}{{ not no and yes }}", "dfltFalseTrue"},
    {"{{ 'y' if yes else 'n' }}{{ 'y' if no }}{{ 'a' if no else 'b' if no else 'c' }}{{ 1 if yes else 2 + 3 }}", "yc1"},
    {"{{ (1,) }}{{ () }}{{ (1) }}{{ 1, 2 }}{{ [1, 2,] }}{{ {'a': 1,} }}", "(1,)()1(1, 2)[1, 2]{'a': 1}"},
    {"{{ l[-1] }}{{ l[5] }}{{ l[1:] }}{{ l[:-1] }}{{ l[::-1] }}{{ s[1:3] }}{{ s[::-1] }}{{ s[-3:] }}{{ s[10:2:-2] }}",
     "2[1, 2][3, 1][2, 1, 3]eldlroW ,olleHrldlo o"},
    {"{{ people.0.name }}{{ d['b'] }}{{ d.zz }}{{ d.zz is defined }}{{ nothing.x is defined }}", "Bob1FalseFalse"},
    {"{{ 'a' 'b' \"c\" }}{{ 'it\\'s' }}{{ 'a\\tb\\\\' }}{{ '\\x41\\u00e9\\U0001F600\\101\\q' }}", "abcit'sa\tb\\Aé😀A\\q"},
    {"{{ 0x1F }}{{ 0b101 }}{{ 1_000 }}{{ 1e3 }}{{ 1.5e-3 }}{{ 10 / 2 }}{{ 1e16 }}{{ 0.1 + 0.2 }}",
     "31510001000.00.00155.01e+160.30000000000000004"},
    {"{{ 4 is divisibleby 2 }}{{ 3 is odd }}{{ 1 is in [1,2] }}{{ s is string }}{{ s is sequence }}{{ d is mapping }}{{ s is "
     "iterable }}{{ yes is number }}{{ yes is integer }}{{ nothing is none }}",
     "TrueTrueTrueTrueTrueTrueTrueTrueFalseTrue"},
    {"{{ not missing is defined }}{{ missing is not defined or n }}", "TrueTrue"},
    {"{{ 'a'+'b'|upper }}{{ -1|abs }}{{ 'ab' * 2 }}{{ yes + yes }}", "aB1abab2"},
    {"{{ [1,2] < [1,3] }}{{ {'a':1} == {'a':1.0} }}{{ (1,) == [1] }}{{ {1: 'x', 1.0: 'y', true: 'z'} }}",
     "TrueTrueFalse{1: 'z'}"},
    {"{% if no %}{{ n|nosuch }}{% endif %}ok", "ok"},
    {"{{ '%s-%05.1f|%-3d|' % ('a', 3, 7) }}{{ '{0!r} {x:>5}'.format('q', x=1) }}", "a-003.0|7  |'q'     1"},
    {"{{ {'items': 5}['items'] }}{{ d.items()|list }}{{ d.get('q', 7) }}", "5[('b', 1), ('a', 2)]7"},
};

TEST(ChatTemplate, OperatorsBindAsInJinja) { check(kOperatorsBindAsInJinja); }

constexpr Case kFiltersAndMethodsAreThoseOfTheReference[] = {
    {"{{ s|upper }}{{ s|title }}{{ s|length }}{{ s|reverse }}{{ s|first }}{{ s|last }}",
     "HELLO, WORLDHello, World12dlroW ,olleHHd"},
    {"[{{ sp|trim }}][{{ sp.rstrip() }}][{{ 'xxaxx'.strip('x') }}]", "[a b][  a b][a]"},
    {"{{ words|sort }}{{ words|sort(case_sensitive=true) }}{{ people|sort(attribute='age,name')|map(attribute='name')|list }}",
     "['A', 'b', 'c']['A', 'b', 'c']['al', 'Bob', 'Cy']"},
    {"{{ people|groupby('age') }}",
     "[(25, [{'name': 'al', 'age': 25}]), (30, [{'name': 'Bob', 'age': 30}, {'name': 'Cy', 'age': 30, 'x': {'y': 1}}])]"},
    {"{{ people|selectattr('age','gt',26)|map(attribute='name')|join('/') }}{{ people|selectattr('x','defined')|list|length }}",
     "Bob/Cy1"},
    {"{{ l|select('odd')|list }}{{ [0,1,none,'']|reject|list }}{{ l|sum }}{{ l|min }}{{ ['a','A']|unique|list }}",
     "[3, 1][0, None, '']61['a']"},
    {"{{ d|tojson }}{{ uni|tojson }}{{ uni|tojson(ensure_ascii=true) }}{{ d|tojson(separators=(',',':'), sort_keys=true) }}",
     "{\"b\": 1, \"a\": 2}\"hé ✓ ß\"\"h\\u00e9 \\u2713 \\u00df\"{\"a\":2,\"b\":1}"},
    {"{{ people[2]|tojson(indent=2) }}{{ [[], {}, 1.0, none]|tojson(indent=4) }}",
     "{\n  \"name\": \"Cy\",\n  \"age\": 30,\n  \"x\": {\n    \"y\": 1\n  }\n}[\n    [],\n    {},\n    1.0,\n    null\n]"},
    {"{{ '<&>\\'\"\\n\\x01/'|tojson }}{{ {1:2, none:3}|tojson }}", "\"<&>'\\\"\\n\\u0001/\"{\"1\": 2, \"null\": 3}"},
    {"{{ people[0]|string }}{{ [\"it's\", 'q\"', '\\n']|string }}", "{'name': 'Bob', 'age': 30}[\"it's\", 'q\"', '\\n']"},
    {"{{ '5'|int }}{{ 'x'|int(7) }}{{ 5.9|int }}{{ 2.5|round }}{{ 3.14159|round(2) }}", "5752.03.14"},
    {"{{ missing|default('x') }}{{ ''|default('x', true) }}{{ nothing|default('x') }}", "xxNone"},
    {"{{ 'a\\nb\\n\\nc'|indent(2, true) }}|{{ d|dictsort }}{{ l|batch(2)|list }}",
     "  a\n  b\n\n  c|[('a', 2), ('b', 1)][[3, 1], [2]]"},
    {"{{ s.split(', ')[-1] }}{{ 'a,b,c'.rsplit(',',1) }}{{ ' a  b '.split() }}{{ 'a\\nb'.splitlines() }}{{ "
     "'a=b'.partition('=') }}",
     "World['a,b', 'c']['a', 'b']['a', 'b']('a', '=', 'b')"},
    {"{{ s.startswith(('x','H')) }}{{ s.find('o') }}{{ s.count('l') }}{{ '7'.zfill(3) }}{{ s.replace('o','0',1) }}{{ "
     "','.join(words) }}",
     "True43007Hell0, Worldb,A,c"},
    {"{{ strftime_now('%Y-%m-%d %d %B %Y %H:%M:%S %b %A') }}", "2026-03-09 09 March 2026 14:05:06 Mar Monday"},
    {"{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set j = joiner('|') %}{{ j() }}a{{ j() }}b",
     "abaa|b"},
};

TEST(ChatTemplate, FiltersAndMethodsAreThoseOfTheReference) { check(kFiltersAndMethodsAreThoseOfTheReference); }

TEST(ChatTemplate, WhatTheReferenceRefusesIsAnErrorInOneLine) {
  constexpr std::string_view kSources[] = {
      "{% if yes %}",
      "{% endif %}",
      "{{ a b }}",
      "{{ (1 }}",
      "{{ [1) }}",
      "{{ 'abc }}",
      "{# x",
      "{% raw %} y",
      "{% nosuch %}",
      "{{ n|nosuch }}",
      "{{ n is nosuch }}",
      "{% break %}",
      "{% for i in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
      "{% for i in l %}{% set loop=1 %}{% endfor %}",
      "{% set 1 = 2 %}",
      "{{ f(a=1, a=2) }}",
      "{{ missing.x }}",
      "{{ nothing.x.y }}",
      "{{ 'a' + 1 }}",
      "{{ 1 / 0 }}",
      "{{ 'x' in nothing }}",
      "{% set d.x = 1 %}",
      "{{ l.append(1) }}",
      "{{ s.__class__.__mro__ }}",
      "{% set a, b = l %}",
      "{{ n() }}",
      "{{ missing|tojson }}",
      "{% include 'x' %}",
      "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
      "{{ range(1000000000) }}",
  };
  for (const std::string_view source : kSources) {
    const std::string error = error_of(source);
    EXPECT_FALSE(error.starts_with("rendered: ")) << source << "\n" << error;
    EXPECT_NE(error.find("line 1, column "), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(ChatTemplate, ErrorsNameThePlace) {
  EXPECT_EQ(error_of("a\n{% if yes %}\n {{ 1 2 }}"), "chat template: line 3, column 7: '}}' is expected, not a number");
  EXPECT_EQ(
      error_of("{% for i in l %}\nx"),
      "chat template: line 2, column 2: the template ends inside 'for', which begins at line 1: 'endfor' or 'else' is missing");
  EXPECT_EQ(error_of("é\n  {{ people.x.y }}"), "'list object' has no attribute 'x' (line 2, column 15 of the template)");
  EXPECT_EQ(error_of("{% if yes %}{{ raise_exception('Roles must ' ~ 'alternate!') }}{% endif %}"), "Roles must alternate!");
}

TEST(ChatTemplate, OnlyObjectsAreVariables) {
  const auto chat = ChatTemplate::parse("x");
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->render(Json(1), kNow).error().message, "the variables of a chat template must be an object");
  EXPECT_EQ(chat->source(), "x");
}

TEST(ChatTemplate, SourceIsBoundedUtf8) {
  EXPECT_EQ(error_of("12345", {.max_source_bytes = 4}), "the chat template has 5 bytes, above the limit of 4");
  EXPECT_EQ(error_of("a\xFF"), "the chat template is not valid UTF-8");
}

std::string repeated(std::string_view s, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += s;
  return out;
}

TEST(ChatTemplate, StepsAreBounded) {
  constexpr std::string_view kSources[] = {
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% set s = ' ' * 1000000 %}{% for i in range(100000) %}{% if s.strip() %}{% endif %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if s < s ~ 'b' %}{% endif %}{% if s == s %}{% endif %}{% "
      "endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == [ns.x] }}{{ "
      "ns.x }}",
      "{% set ns = namespace(x=(1,)) %}{% for i in range(100) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
      "{% set f = '%Z' * 1000000 %}{% for i in range(100000) %}{% if strftime_now(f) %}{% endif %}{% endfor %}",
      "{% set f = '%(a).0s' * 300000 %}{% for i in range(100000) %}{% set x = f % {'a': 'x'} %}{% endfor %}",
  };
  for (const std::string_view source : kSources) {
    const std::string error = error_of(source, {.max_steps = 200'000, .max_value_bytes = 8 << 20});
    EXPECT_TRUE(error.find("was stopped") != std::string::npos || error.find("too large") != std::string::npos)
        << source << "\n"
        << error;
  }
}

TEST(ChatTemplate, BytesAreBounded) {
  constexpr std::string_view kSources[] = {
      "{{ 'a' * 1000000000000 }}",
      "{{ [1] * 1000000000000 }}",
      "{{ 'a'.ljust(1000000000000) }}{{ 'a'|center(1000000000000) }}",
      "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set s = 'a' * 100000 %}{{ s|replace('', s) }}",
      "{% set s = 'a' * 100000 %}{{ s.join(s) }}",
      "{{ ('{:1000000}' * 100).format(*([1] * 100)) }}",
      "{% macro f(n) %}{{ 'x' * 1000000 }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
  };
  for (const std::string_view source : kSources)
    EXPECT_NE(error_of(source, {.max_value_bytes = 8 << 20}).find("was stopped"), std::string::npos) << source;
  EXPECT_NE(error_of("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}").find("too many steps"),
            std::string::npos);
  EXPECT_NE(error_of("{{ 'a' * 1000000000000 }}").find("its values take too much memory"), std::string::npos);
}

TEST(ChatTemplate, OutputIsBounded) {
  const TemplateLimits limits = {.max_output_bytes = 1000};
  EXPECT_TRUE(render("{{ 'a' * 1000 }}", limits));
  EXPECT_NE(error_of("{{ 'a' * 1001 }}", limits).find("longer than the limit of 1000 bytes"), std::string::npos);
  EXPECT_NE(error_of("{% for i in range(2000) %}x{% endfor %}", limits).find("longer than the limit"), std::string::npos);
}

TEST(ChatTemplate, DepthIsBounded) {
  const std::string nests[] = {
      "{{ " + repeated("(", 100'000) + "1" + repeated(")", 100'000) + " }}",
      "{{ " + repeated("[", 100'000) + repeated("]", 100'000) + " }}",
      "{{ " + repeated("not ", 100'000) + "1 }}",
      "{{ " + repeated("-", 100'000) + "1 }}",
      "{{ " + repeated("1 if 1 else ", 50'000) + "1 }}",
      "{{ 1" + repeated(" if 1", 100'000) + " }}",
      "{{ " + repeated("f(", 100'000) + repeated(")", 100'000) + " }}",
      repeated("{% if 1 %}", 40'000) + repeated("{% endif %}", 40'000),
      repeated("{% for x in l %}", 50'000),
  };
  for (const std::string& source : nests) {
    const std::string error = error_of(source);
    EXPECT_NE(error.find("nested deeper than the limit of 64"), std::string::npos) << source.substr(0, 40) << "\n" << error;
  }
  EXPECT_NE(error_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("nested deeper than the limit"),
            std::string::npos);
  EXPECT_NE(error_of("{% for x in l recursive %}{{ loop(l) }}{% endfor %}").find("nested deeper"), std::string::npos);
  EXPECT_NE(
      error_of("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}").find("nested"),
      std::string::npos);
}

TEST(ChatTemplate, LongChainsAreNotDeep) {
  const auto is = [](const std::string& source, std::string_view expected) {
    const auto got = render(source);
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(got->text, expected);
  };
  is("{{ 0" + repeated(" + 1", 5'000) + " }}", "5000");
  is("{{ (''" + repeated(" ~ 'a'", 5'000) + ")|length }}", "5000");
  is("{{ no" + repeated(" or no", 5'000) + " }}", "False");
  is("{{ s" + repeated("|trim", 5'000) + " }}", "Hello, World");
  is("{{ d" + repeated(".copy()", 5'000) + ".a }}", "2");
  is("{% if no %}" + repeated("{% elif no %}", 5'000) + "{% else %}x{% endif %}", "x");
  is(repeated("{% set x = n %}", 5'000) + "{{ x }}", "5");
}

TEST(ChatTemplate, WhatComesFromInputIsMarked) {
  EXPECT_EQ(marked("<a>{{ s }}</a>"), "<a>«Hello, World»</a>");
  EXPECT_EQ(marked("{{ bos_token }}{{ bos_token ~ s }}"), "<s><s>«Hello, World»");
  EXPECT_EQ(marked("{{ 'x' + s[:5] + 'y' }}{{ s|upper }}{{ s|trim|replace('World', 'you') }}"),
            "x«Hello»y«HELLO, WORLDHello, »you");
  EXPECT_EQ(marked("{{ s.split(', ')[1] }}|{{ words|join('+') }}|{{ '%s!' % s }}|{{ '{}?'.format(s) }}"),
            "«World»|«b»+«A»+«c»|«Hello, World»!|«Hello, World»?");
  EXPECT_EQ(marked("{{ d|tojson }}{{ [1, 'own']|tojson }}{{ people[0] }}"),
            "«{\"b\": 1, \"a\": 2}»[1, \"own\"]«{'name': 'Bob', 'age': 30}»");
  EXPECT_EQ(marked("{% for k in d %}{{ k }}:{% endfor %}"), "«b»:«a»:");
  EXPECT_EQ(marked("{% macro f(x) %}[{{ x }}]{% endmacro %}{{ f(s) }}{{ f('own') }}"), "[«Hello, World»][own]");
  EXPECT_EQ(marked("{% set x %}({{ s }}){% endset %}{{ x }}{% filter lower %}A{{ s }}Z{% endfilter %}"),
            "(«Hello, World»)a«hello, world»z");
  EXPECT_EQ(marked("{% set ns = namespace(t='') %}{% for w in words %}{% set ns.t = ns.t ~ w ~ ';' %}{% endfor %}{{ ns.t }}"),
            "«b»;«A»;«c»;");
  EXPECT_EQ(marked("{{ n }}{{ fl }}{{ yes }}{{ s|length }}"), "52.5True12");
  EXPECT_EQ(marked("{{ s[::-1] }}{{ s|first }}{{ s|indent }}{{ s * 2 }}"),
            "«dlroW ,olleHHHello, WorldHello, WorldHello, World»");
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// What a template writes that a tokenizer could take for a control token.
std::set<std::string> control_strings(const std::string& source) {
  static const std::regex kControl(R"((<[|/]?[A-Za-z_][^<>\s'"]{0,40}>|\[/?[A-Z_]{2,30}\]))");
  std::set<std::string> out = {"<s>", "</s>", "<|im_start|>", "<|im_end|>", "[INST]"};
  for (std::sregex_iterator it(source.begin(), source.end(), kControl), end; it != end; ++it) out.insert(it->str());
  return out;
}

Json message(std::string_view role, std::string_view content) {
  return Json(Json::Object{{"role", role}, {"content", content}});
}

/// Every stretch from BEGIN to END must be input, and every other control string the template's own.
void check_breakout(const RenderedText& got, const std::set<std::string>& controls) {
  const auto is_input = [&got](size_t begin, size_t end) {
    for (const TextSpan& s : got.from_input)
      if (s.begin <= begin && end <= s.end) return true;
    return false;
  };
  size_t stretches = 0, own = 0, at = 0;
  for (size_t begin; (begin = got.text.find("BEGIN", at)) != std::string::npos; ++stretches) {
    at = got.text.find("END", begin);
    ASSERT_NE(at, std::string::npos);
    EXPECT_TRUE(is_input(begin, at + 3)) << got.text.substr(begin, at + 3 - begin);
  }
  EXPECT_GE(stretches, 1U);
  for (const TextSpan& s : got.from_input) EXPECT_LT(s.begin, s.end);
  std::string outside;
  size_t done = 0;
  for (const TextSpan& s : got.from_input) {
    ASSERT_GE(s.begin, done);
    outside += got.text.substr(done, s.begin - done) + '\n';
    done = s.end;
  }
  outside += got.text.substr(done);
  for (const std::string& control : controls) own += outside.find(control) != std::string::npos ? 1 : 0;
  EXPECT_GE(own, 1U) << "the template's own control strings must not count as input";
}

TEST(ChatTemplate, ContentCannotBreakOutOfAnyShippedTemplate) {
  const std::filesystem::path folder = std::string(SOBRE_SOURCE_DIR) + "/../shared/templates";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  size_t templates = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename().string());
    const std::string source = file_text(entry.path());
    const auto chat = ChatTemplate::parse(source);
    ASSERT_TRUE(chat.has_value()) << chat.error().message;
    const std::set<std::string> controls = control_strings(source);
    std::string evil = "BEGIN";
    for (const std::string& control : controls) evil += control;
    evil += "END";
    Json variables(
        Json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"add_generation_prompt", true}, {"tools", nullptr}});
    variables.set("messages", Json::Array{message("user", evil)});
    const auto one = chat->render(variables, kNow);
    ASSERT_TRUE(one.has_value()) << one.error().message;
    check_breakout(*one, controls);
    variables.set("messages", Json::Array{message("user", evil), message("assistant", evil), message("user", evil)});
    const auto three = chat->render(variables, kNow);
    ASSERT_TRUE(three.has_value()) << three.error().message;
    check_breakout(*three, controls);
    ++templates;
  }
  EXPECT_GE(templates, 18U);
}

}  // namespace
}  // namespace sobre

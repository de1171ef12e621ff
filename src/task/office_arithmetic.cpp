// Sums: operands by level, asked in many ways.
#include <array>

#include "task/office_makers.h"
#include "task/working.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

// In every line {a} stands before {b} in the operation, wherever they stand in the sentence.
constexpr Text kAskEn[] = {
    "[What is|What's|Calculate|Compute|Work out|Please calculate|Can you calculate|How much is|Find|Solve|Tell me|Give me] "
    "{a}[ {s} |{s}]{b}[?|.| =|]",
    "{a}[ {s} |{s}]{b}[ =| = ?|?|]",
    "[The result of|Result of|Quick sum:|Calculator:|Sum:|For the invoice:|I need the result of] {a}[ {s} |{s}]{b}[.|?|]",
    "[What|How much] does {a} {s} {b} [make|give|come to]?",
};
constexpr Text kAskFr[] = {
    "[Combien font|Combien fait|Calcule|Calculez|Que vaut|Que fait|Peux-tu calculer|Trouve|Donne-moi|Dis-moi combien font] "
    "{a}[ {s} |{s}]{b}[ ?|.| =|]",
    "{a}[ {s} |{s}]{b}[ =| = ?| ?|]",
    "[Le résultat de|Résultat de|Calcul :|Calcul rapide :|Opération :|Pour la facture :|Il me faut le résultat de] {a}[ {s} "
    "|{s}]{b}[.| ?|]",
    "À combien [est égal|revient|arrive] {a} {s} {b} ?",
};
constexpr Text kAddEn[] = {"[What is|Calculate|Work out|Find|Give me|How much is] the [sum|total] of {a} and {b}[?|.]",
                           "[Add|Please add|Can you add] {b} [to|and] {a}.",
                           "[What is|Calculate|Work out|How much is] {a} plus {b}[?|.]",
                           "[What do|How much do] {a} and {b} make[ together| in all|]?"};
constexpr Text kSubEn[] = {"[Subtract|Take|Please subtract|Take away] {b} from {a}.",
                           "[What is|Calculate|Work out|How much is] {a} minus {b}[?|.]",
                           "[What is left|How much is left|What remains] [if|when] you take {b} from {a}?",
                           "[What is|Work out|Calculate] {a} less {b}[?|.]"};
constexpr Text kMulEn[] = {"[What is|Calculate|Work out|How much is] {a} times {b}[?|.]",
                           "[Multiply|Please multiply|Can you multiply] {a} by {b}.",
                           "[What is|Calculate|Find|Give me] the product of {a} and {b}[?|.]"};
constexpr Text kDivEn[] = {"[What is|Calculate|Work out|How much is] {a} divided by {b}[?|.]",
                           "[Divide|Please divide|Can you divide] {a} by {b}.",
                           "[How many times|How often] does {b} go into {a}?"};
constexpr Text kAddFr[] = {"[Quelle est|Calcule|Calculez|Trouve|Donne-moi] la somme de {a} et {b}[ ?|.]",
                           "[Ajoute|Ajoutez|Peux-tu ajouter|Merci d'ajouter] {b} à {a}.",
                           "[Combien font|Calcule|Combien fait|Que font] {a} plus {b}[ ?|.]",
                           "[Combien font|Que font] {a} et {b} [ensemble|en tout|au total] ?"};
constexpr Text kSubFr[] = {"[Soustrais|Retire|Retirez|Enlève|Enlevez|Merci de soustraire] {b} de {a}.",
                           "[Combien font|Calcule|Combien fait|Que fait] {a} moins {b}[ ?|.]",
                           "[Que reste-t-il|Combien reste-t-il] [si|quand] on enlève {b} à {a} ?"};
constexpr Text kMulFr[] = {"[Combien font|Calcule|Combien fait|Que font] {a} fois {b}[ ?|.]",
                           "[Multiplie|Multipliez|Peux-tu multiplier|Merci de multiplier] {a} par {b}.",
                           "[Quel est|Calcule|Trouve|Donne-moi] le produit de {a} et {b}[ ?|.]"};
constexpr Text kDivFr[] = {"[Combien font|Calcule|Combien fait|Que fait] {a} divisé par {b}[ ?|.]",
                           "[Divise|Divisez|Peux-tu diviser|Merci de diviser] {a} par {b}.",
                           "Combien de fois [{b} va-t-il dans {a}|y a-t-il {b} dans {a}] ?"};

// What stands around the question.
constexpr Text kFramesEn[] = {
    "{q}", "[Hello|Hi|Good morning|Good afternoon]. {Q}",
    "[Quick question|One more|A sum|A question|Next one|Homework|For the invoice|For the order|For my accounts]: {q}",
    "{q}\n[Thanks|Thank you][.|!]", "{q}\n[Show the steps|Show your working|Step by step|With working][.|, please.]"};
constexpr Text kFramesFr[] = {"{q}", "[Bonjour|Bonsoir|S'il vous plaît|Salut]. {Q}",
                              "[Petite question|Encore un|Un calcul|Une question|Suivant|Devoirs|Pour la facture|Pour la "
                              "commande|Pour mes comptes] : {q}",
                              "{q}\nMerci[.| !]",
                              "{q}\n[Montre les étapes|Montre le calcul|Pas à pas|Avec le calcul][.|, merci.]"};

int64_t number_of_digits(Draw& draw, int digits) {
  int low = 1;
  for (int i = 1; i < digits; ++i) low *= 10;
  return draw.between(digits == 1 ? 2 : low, low * 10 - 1);
}

Operation quotient(int64_t result, int64_t divisor) { return {result * divisor, divisor, '/'}; }

Operation operands(Draw& draw, int level, char sign) {
  const auto n = [&](int low, int high) { return number_of_digits(draw, draw.between(low, high)); };
  const int digits_low = level == 1 ? 1 : level == 2 ? 2 : 4, digits_high = level == 1 ? 2 : level == 2 ? 3 : 6;
  if (sign == '+' || sign == '-') {
    Operation op{n(digits_low, digits_high), n(digits_low, digits_high), sign};
    if (level == 2) (draw.chance(50) ? op.a : op.b) = n(3, 3);
    // Results below zero only where it is meant to be hard.
    if (sign == '-' && op.a < op.b && !(level == 3 && draw.chance(20))) std::swap(op.a, op.b);
    return op;
  }
  if (sign == 'x') {
    if (level == 1) return {n(1, 1), n(1, 1), sign};
    Operation op{n(2, 2), n(1, 1), sign};
    if (level == 3) {
      const int digits = draw.between(2, 3);
      op = {n(digits, digits), n(2, digits), sign};
    } else if (draw.chance(40)) {
      std::swap(op.a, op.b);
    }
    return op;
  }
  if (level == 1) return quotient(n(1, 1), n(1, 1));
  if (level == 2) return quotient(draw.between(10, 199), n(1, 1));
  return draw.chance(50) ? quotient(draw.between(200, 60000), n(1, 1)) : quotient(draw.between(20, 900), draw.between(11, 99));
}

Lines special_lines(Language language, char sign) {
  const bool french = language == Language::kFrench;
  switch (sign) {
    case '+':
      return french ? Lines(kAddFr) : Lines(kAddEn);
    case '-':
      return french ? Lines(kSubFr) : Lines(kSubEn);
    case 'x':
      return french ? Lines(kMulFr) : Lines(kMulEn);
    default:
      return french ? Lines(kDivFr) : Lines(kDivEn);
  }
}

std::string_view written_sign(Draw& draw, Language language, char sign) {
  static constexpr std::array<Text, 4> kTimes = {"x", "×", "*", "x"};
  static constexpr std::array<Text, 4> kOver = {"/", "÷", "/", ":"};  // the colon is what French schools write
  if (sign == '+') return "+";
  if (sign == '-') return "-";
  if (sign == 'x') return kTimes[draw.index_of(4)];
  return kOver[draw.index_of(language == Language::kFrench ? 4 : 3)];
}

}  // namespace

Made make_arithmetic(Draw& draw, Language language, int level) {
  static constexpr std::string_view kSigns = "+-x/";
  const char sign = kSigns[draw.index_of(4)];
  Operation op;
  do op = operands(draw, level, sign);
  while (!draw.owns(operation_key(op)));
  draw.note(operation_key(op));
  // 2 by 1 digits are worked the long number first, whichever way they were asked.
  const Operation worked = sign == 'x' && op.a < op.b ? Operation{op.b, op.a, sign} : op;
  const std::string a = std::to_string(op.a), b = std::to_string(op.b);
  const bool special = draw.chance(45);
  const Lines lines = special ? special_lines(language, sign) : language == Language::kFrench ? Lines(kAskFr) : Lines(kAskEn);
  const Lines frames = language == Language::kFrench ? Lines(kFramesFr) : Lines(kFramesEn);
  const std::array<Slot, 3> slots = {
      {{"a", exact(a)}, {"b", exact(b)}, {"s", std::string(written_sign(draw, language, sign))}}};
  std::string prompt = fill(draw.framed_template(frames, "q", lines), slots);
  std::string lines_of_work = working(worked);
  const size_t last = lines_of_work.rfind('\n');
  return {std::move(prompt), lines_of_work.substr(0, last), lines_of_work.substr(last + 1)};
}

}  // namespace sobre::office

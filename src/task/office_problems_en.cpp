#include "task/office_problems.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kHas[] = {
    "{name} [has|owns|keeps|starts with|begins with] {a} {goods}[ at home| in the shop| in stock|].",
    "[There are|I counted|We see] {a} {goods} [on {name}'s table|in {name}'s shop|on {name}'s shelf].",
    "[In the morning|On Monday|At first|At the start], {name} [has|owns|counts] {a} {goods}.",
    "{name} [bought|collected|found|ordered|received] {a} {goods}[ yesterday| last week| today|].",
};
constexpr Text kBoxes[] = {
    "{name} [buys|has|orders|fills|packs|receives] {a} [boxes|bags|packs|baskets|crates] with {b} {goods} in each.",
    "{name} [buys|has|orders|gets] {a} [boxes|bags|packs|crates] of {b} {goods}[ each|].",
    "[There are|We see] {a} [shelves|tables|rows] in {name}'s shop, with {b} {goods} on each.",
    "Each [box|bag|pack|crate] holds {b} {goods}, and {name} [has|buys|fills|orders] {a} of them.",
    "{name} [collects|packs|gets|receives] {b} {goods} [a day|every day|each day] for {a} days[ and keeps them all| in a "
    "row|].",
};
constexpr Text kTogether[] = {
    "{name} has {a} {goods} and {other} has {b}. They put them [all |]together.",
    "{name} [collects|finds|brings] {a} {goods} and {other} [collects|finds|brings] {b}; they [share one box|keep them in one "
    "box|put them in one bag].",
    "[In a box|On a table|In a shop] there are {a} {goods} from {name} and {b} from {other}.",
    "{name} [buys|orders] {a} {goods} in the morning and {b} in the [afternoon|evening].",
};
constexpr Text kGains[] = {
    "[Then |Later |After that |]{he} [buys|gets|finds|receives|adds|collects] {a} more.",
    "[Then |Later |Now |]{other} [brings|adds|sends|gives {him}] {a} more.",
    "[The next day|On Tuesday|In the evening|A day later], {a} more [arrive|come|are added].",
    "[Another|A further] {a} [are added|arrive|come in][ later| the next day|].",
};
constexpr Text kLoses[] = {
    "[Then |Later |After that |]{he} [sells|loses|gives away|uses|throws away] {a}[ of them|].",
    "[Then |Later |Now |]{other} [takes|buys|borrows|breaks] {a}[ of them|].",
    "[The next day|On Tuesday|In the evening|A day later], {a} [are sold|are lost|are given away|are taken away].",
    "{a} [of them |][break|are broken|are missing|are sold|go missing][ later| the next day|].",
};
constexpr Text kDoubled[] = {
    "[Then|Later|A week later|After that], the number is {times} as large.",
    "[Then|Later|By Sunday|In summer] there are {times} as many.",
    "[Then|Later|By Friday|A month later], one counts {times} as many.",
};
constexpr Text kTimes[] = {"twice", "three times", "four times"};
constexpr Text kCount[] = {
    "How many {goods} are there [now|in the end|at the end|after that]?",
    "[What is|Find|Give] the number of {goods} [now|in the end|at the end][.|?]",
    "How many {goods} [do we count|can one count|must we write down] [now|in the end|at the end]?",
    "How many are there [now|in the end|at the end]?",
};
constexpr Text kTotal[] = {
    "How many {goods} [are there|is that|does that make] [in all|altogether|in total]?",
    "[What is|Find|Give] the number of {goods} [in all|altogether|in total][.|?]",
    "How many {goods} [do we count|can one count|must we write down] [in all|altogether|in total]?",
    "How many is that [in all|altogether|in total]?",
};
constexpr Text kShare[] = {
    "[They are|All are|These are] shared equally [among|between] {a} [friends|people|children|colleagues]. How many [does each "
    "get|does each one get|are there for each]?",
    "[All the {goods} are|They are|Everything is] [packed|put] into {a} equal [boxes|bags|piles]. How many [{goods} |]are in "
    "each?",
    "[They are|All are] [put|laid|set] in {a} equal [rows|heaps]. How many [{goods} |]are in each?",
    "[All are given out|They are all handed out]: {a} [friends|children|shops|classes] get the same number each. How many "
    "[{goods} |][does each get|is that for each]?",
};
constexpr Text kPrice[] = {
    "[Each one|Each|One] [costs|is sold for|is worth] {a} euros. [How much do they cost|How much is that|What do they "
    "cost|What is the price] in all?",
    "[All are|They are all|Everything is] [sold|paid] at {a} euros each. [How much money|How many euros|What sum] is that[ in "
    "all|]?",
    "At {a} euros [each|a piece], [what is the total|how much is it all|how many euros is that]?",
};
constexpr Text kFrames[] = {"{q}", "[Solve|Work out|Calculate|Problem|Word problem|Exercise|A question|Please solve]: {q}",
                            "{q}\n[Show the steps|Step by step|Give the number at the end|Show your working][.|, please.]",
                            "[Hello|Hi|Good morning]. {q}", "{q}\n[Thanks|Thank you][.|!]"};
constexpr ProblemWords kWords = {kHas,   kBoxes, kTogether, kGains, kLoses,  kDoubled,
                                 kCount, kTotal, kShare,    kPrice, kFrames, kTimes};

}  // namespace

const ProblemWords& english_problems() { return kWords; }

}  // namespace sobre::office

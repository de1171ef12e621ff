#include "task/office_passage.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kFrames[] = {
    "{text}\n[Question: |Q: |]{question}",
    "[Read|Read this|Read the text|Read carefully]: {text}\n[Question: |Q: |]{question}",
    "[Text|Passage|Note|Report]: {text}\n[Question: |Q: |]{question}",
    "{question}\n[Text|Passage|Note|Here is the text]: {text}",
    "[Answer from the text|Use the text|Look in the text|Answer with words of the text]: {question}\n{text}",
    "[According to this text|From this text|In this text]: {text}\n{question}",
    "{text}\n[Answer briefly|Short answer|In a few words|Answer]: {question}",
};

constexpr Text kJobs[] = {"nurse",     "teacher",   "baker",      "lawyer",     "engineer", "plumber", "driver",
                          "gardener",  "painter",   "accountant", "dentist",    "pilot",    "cook",    "electrician",
                          "librarian", "carpenter", "translator", "journalist", "farmer",   "tailor"};
constexpr Text kHobbies[] = {"chess",       "tennis",  "swimming", "painting",  "cycling", "hiking",  "fishing",
                             "photography", "dancing", "sailing",  "gardening", "cooking", "running", "pottery"};
constexpr Text kPets[] = {"dog", "cat", "parrot", "rabbit", "horse", "goat", "tortoise", "hamster", "canary", "donkey"};
constexpr Text kDrinks[] = {"green tea",    "black coffee", "apple juice", "hot chocolate", "mineral water",
                            "orange juice", "milk",         "mint tea",    "lemonade",      "tomato juice"};
constexpr Text kProducts[] = {"bicycles", "clocks", "candles", "windows",   "furniture", "shoes",   "batteries", "toys",
                              "paper",    "bricks", "lamps",   "medicines", "tractors",  "glasses", "carpets",   "engines"};
constexpr Text kDishes[] = {"cheese",   "honey",  "chocolate", "bread", "olive oil", "mustard",
                            "cherries", "apples", "wine",      "salt",  "mushrooms", "fish"};
constexpr Text kSights[] = {"castle",      "cathedral", "lighthouse", "windmill",  "stone bridge",
                            "market hall", "museum",    "theatre",    "town wall", "clock tower"};
constexpr Text kColours[] = {"red", "blue", "green", "black", "white", "grey", "yellow", "pink", "brown", "purple"};

constexpr Text kJobS[] = {"{s} [works|is employed|earns a living] as {an} {v}.", "{s} is {an} {v}[ by profession| by trade|].",
                          "{s} [became|has become|trained as] {an} {v}[ long ago| years ago|]."};
constexpr Text kJobP[] = {"{He} [works|is employed] as {an} {v}.", "{He} [is|became] {an} {v}[ years ago| by trade|].",
                          "{He} trained as {an} {v}[ years ago|]."};
constexpr Text kJobQ[] = {"What is {s}'s [job|profession|trade|occupation]?",
                          "[What does {s} do for a living|As what does {s} work|What work does {s} do]?"};
constexpr Text kLivesS[] = {"{s} [lives|has a house|has a flat|resides] in {v}.",
                            "{s} [moved to|settled in|has made a home in] {v}[ years ago| last year|].",
                            "The home of {s} is in {v}."};
constexpr Text kLivesP[] = {"{He} [lives|has a house|has a flat|resides] in {v}.",
                            "{He} settled in {v}[ years ago| last year|].", "{He} has a home in {v}."};
constexpr Text kLivesQ[] = {"[Where|In which town|In what town] does {s} [live|reside]?",
                            "[Which|What] town [is home to {s}|does {s} live in]?"};
constexpr Text kBornS[] = {"{s} was born in {v}.", "{s} [was born|came into the world] in the year {v}.",
                           "The [year of birth|birth year] of {s} is {v}."};
constexpr Text kBornP[] = {"{He} was born in {v}.", "{He} [was born|came into the world] in the year {v}.",
                           "{He} was born in [spring|summer|autumn|winter] {v}."};
constexpr Text kBornQ[] = {"[When|In which year|In what year] was {s} born?", "What is {s}'s [year of birth|birth year]?"};
constexpr Text kHobbyS[] = {"{s} [loves|enjoys|is fond of|likes] {v}.", "{s}'s hobby is {v}.",
                            "{s} spends [Sundays|evenings|weekends|free days] on {v}.",
                            "In [spring|summer|winter], {s} [enjoys|likes] {v}."};
constexpr Text kHobbyP[] = {"{He} [loves|enjoys|is fond of|likes] {v}.",
                            "{He} spends [Sundays|evenings|weekends|free days] on {v}."};
constexpr Text kHobbyQ[] = {"What is {s}'s [hobby|pastime|favourite hobby]?",
                            "[Which|What] [hobby|pastime] does {s} [have|enjoy|like]?"};
constexpr Text kPetS[] = {"{s} [has|keeps|owns|looks after] {an} {v}[ at home|].", "At home {s} has {an} {v}.",
                          "{s} [bought|found|was given] {an} {v}[ last year|]."};
constexpr Text kPetP[] = {"{He} [has|keeps|owns|looks after] {an} {v}[ at home|].",
                          "{He} [bought|found|was given] {an} {v}[ last year|]."};
constexpr Text kPetQ[] = {"[What|Which] [animal|pet] does {s} [have|keep|own]?",
                          "What kind of [animal|pet] does {s} [have|keep|own]?"};
constexpr Text kDrinkS[] = {"{s} [always drinks|likes to drink|mostly drinks|never refuses] {v}.",
                            "{s}'s favourite drink is {v}.", "With breakfast, {s} drinks {v}."};
constexpr Text kDrinkP[] = {"{He} [always drinks|likes to drink|mostly drinks|never refuses] {v}.",
                            "{He} drinks {v} [with breakfast|every day|at noon]."};
constexpr Text kDrinkQ[] = {"What does {s} [drink|like to drink|usually drink]?",
                            "What is {s}'s [favourite drink|usual drink]?"};
constexpr Text kEmployerS[] = {"{s} [is employed at|has a job at|works at|is on the staff of] {v}.",
                               "{s} [joined|was hired by|started at] {v}[ last year| years ago|]."};
constexpr Text kEmployerP[] = {"{He} [is employed at|has a job at|works at] {v}.",
                               "{He} [joined|was hired by|started at] {v}[ last year| years ago|]."};
constexpr Text kEmployerQ[] = {"[Which|What] [company|firm] does {s} work for?",
                               "[At which company|At which firm|At what firm|At what company] does {s} work?",
                               "Who employs {s}?"};
constexpr Text kCarS[] = {"{s} [drives|has|owns] a {v} car.", "{s}'s car is {v}.", "The car of {s} is {v}."};
constexpr Text kCarP[] = {"{He} [drives|has|owns|bought] a {v} car[ now|].", "{He} came in a {v} car[ today| yesterday|]."};
constexpr Text kCarQ[] = {"[What|Which] colour is {s}'s car?", "What is the colour of {s}'s car?"};

constexpr Text kMakesS[] = {"{s} [makes|produces|manufactures|sells] {v}.", "{s} is [known for|famous for|a maker of] {v}.",
                            "The company {s} [makes|produces|sells] {v}."};
constexpr Text kMakesP[] = {"{He} [makes|produces|manufactures|sells] {v}.",
                            "{He} [lives from|is known for|is a maker of] {v}."};
constexpr Text kMakesQ[] = {"What does {s} [make|produce|sell|manufacture]?",
                            "[What|Which] [products|goods] does {s} [make|produce|sell]?"};
constexpr Text kFoundedS[] = {"{s} was [founded|started|created|set up] in {v}.",
                              "The company {s} [dates from|began in|has existed since] {v}.",
                              "{s} [opened|began its work] in {v}."};
constexpr Text kFoundedP[] = {"{He} was [founded|started|created|set up] in {v}.",
                              "{He} [dates from|began in|has existed since|opened in] {v}."};
constexpr Text kFoundedQ[] = {"[When|In which year|In what year] was {s} [founded|started|created|set up]?",
                              "What is the founding year of {s}?"};
constexpr Text kBasedS[] = {"{s} [is based|has its head office|has its seat|is at home] in {v}.",
                            "The [head office|seat|main office] of {s} is in {v}."};
constexpr Text kBasedP[] = {"{He} [is based|has its head office|has its seat|is at home] in {v}.",
                            "{He} [moved to|settled in] {v}[ long ago| years ago|]."};
constexpr Text kBasedQ[] = {"[Where|In which town|In what town] is {s} [based|at home]?",
                            "[Where|In which town|In what town] is the [head office|seat|main office] of {s}?"};
constexpr Text kLedS[] = {"{s} is [led|run|managed|directed] by {v}.", "The [director|head|boss|manager] of {s} is {v}.",
                          "{v} [leads|runs|manages|directs] {s}."};
constexpr Text kLedP[] = {"{He} is [led|run|managed|directed] by {v}.", "{He} has {v} as [director|head|manager|boss]."};
constexpr Text kLedQ[] = {"Who [leads|runs|manages|directs] {s}?", "Who is the [director|head|boss|manager] of {s}?"};
constexpr Text kStaffS[] = {"{s} [has|employs|pays] {v} [people|workers|employees].",
                            "[There are|One counts] {v} [people|workers|employees] at {s}.", "At {s} work {v} people."};
constexpr Text kStaffP[] = {"{He} [has|employs|pays] {v} [people|workers|employees].", "{He} has a staff of {v}."};
constexpr Text kStaffQ[] = {"How many [people|workers|employees] does {s} [have|employ|pay]?",
                            "What is the number of [people|workers|employees] at {s}?"};

constexpr Text kRiverS[] = {"{s} [lies|stands|was built] on the river {v}.", "The river {v} [flows|runs] [through|past] {s}.",
                            "The [main |]river of {s} is the {v}."};
constexpr Text kRiverP[] = {"{He} [lies|stands|was built] on the river {v}.",
                            "{He} [is crossed by|gets its water from] the river {v}."};
constexpr Text kRiverQ[] = {"[Which|What] river [flows through|runs through|crosses] {s}?",
                            "On [which|what] river [does {s} lie|does {s} stand|is {s}]?"};
constexpr Text kPeopleS[] = {"{s} has {v} inhabitants.", "[In all|Today|Now], {v} people live in {s}.",
                             "The population of {s} is {v}."};
constexpr Text kPeopleP[] = {"{He} [has|counts] {v} inhabitants[ today|].", "{He} is home to {v} people[ today|]."};
constexpr Text kPeopleQ[] = {"How many [people|inhabitants] [live in {s}|does {s} have]?", "What is the population of {s}?",
                             "How large is the population of {s}?", "How many [inhabitants|people] are there in {s}?"};
constexpr Text kFamousS[] = {"{s} is [famous|known|loved|praised] for its {v}.",
                             "People [come to|travel to|visit] {s} for its {v}.",
                             "Shops [everywhere|abroad|far away] sell {v} from {s}."};
constexpr Text kFamousP[] = {"{He} is [famous|known|loved|praised] for its {v}.",
                             "{He} has been selling {v} for [years|centuries|ages]."};
constexpr Text kFamousQ[] = {"What [food|product] is {s} [famous|known|praised|loved] for?",
                             "For what [food|product] is {s} [famous|known|praised|loved]?"};
constexpr Text kMayorS[] = {"The mayor of {s} is {v}.", "{v} is [the mayor|mayor] of {s}.",
                            "{v} [was elected|became|has been] mayor of {s}.",
                            "The people of {s} [chose|elected] {v} as mayor."};
constexpr Text kMayorP[] = {"{He} has {v} as mayor.", "{He} [chose|elected|wanted] {v} as [its |]mayor."};
constexpr Text kMayorQ[] = {"Who is [the |]mayor of {s}?",
                            "[What is the name of|Who is|Tell me the name of] the mayor of {s}?"};
constexpr Text kSightS[] = {"{s} has an old {v}.", "In {s} [stands|there is|you can see|one can visit] an old {v}.",
                            "Visitors to {s} [look at|photograph|admire] the old {v}."};
constexpr Text kSightP[] = {"{He} [has|shows|is proud of] an old {v}.",
                            "{He} [restored|is known for] an old {v}[ last year|]."};
constexpr Text kSightQ[] = {"What [old building|sight|old monument] [does {s} have|is there in {s}|can one see in {s}]?",
                            "[Which|What] old [building|monument] stands in {s}?"};

constexpr Fact kFacts[] = {
    {Subject::kPerson, ValueKind::kWord, kJobs, kJobS, kJobP, kJobQ},
    {Subject::kPerson, ValueKind::kTown, {}, kLivesS, kLivesP, kLivesQ},
    {Subject::kPerson, ValueKind::kYear, {}, kBornS, kBornP, kBornQ},
    {Subject::kPerson, ValueKind::kWord, kHobbies, kHobbyS, kHobbyP, kHobbyQ},
    {Subject::kPerson, ValueKind::kWord, kPets, kPetS, kPetP, kPetQ},
    {Subject::kPerson, ValueKind::kWord, kDrinks, kDrinkS, kDrinkP, kDrinkQ},
    {Subject::kPerson, ValueKind::kFirm, {}, kEmployerS, kEmployerP, kEmployerQ},
    {Subject::kPerson, ValueKind::kWord, kColours, kCarS, kCarP, kCarQ},
    {Subject::kFirm, ValueKind::kWord, kProducts, kMakesS, kMakesP, kMakesQ},
    {Subject::kFirm, ValueKind::kYear, {}, kFoundedS, kFoundedP, kFoundedQ},
    {Subject::kFirm, ValueKind::kTown, {}, kBasedS, kBasedP, kBasedQ},
    {Subject::kFirm, ValueKind::kPerson, {}, kLedS, kLedP, kLedQ},
    {Subject::kFirm, ValueKind::kCount, {}, kStaffS, kStaffP, kStaffQ},
    {Subject::kTown, ValueKind::kRiver, {}, kRiverS, kRiverP, kRiverQ},
    {Subject::kTown, ValueKind::kLarge, {}, kPeopleS, kPeopleP, kPeopleQ},
    {Subject::kTown, ValueKind::kWord, kDishes, kFamousS, kFamousP, kFamousQ},
    {Subject::kTown, ValueKind::kPerson, {}, kMayorS, kMayorP, kMayorQ},
    {Subject::kTown, ValueKind::kWord, kSights, kSightS, kSightP, kSightQ},
};
constexpr PassageWords kWords = {kFacts, kFrames, "he", "she", "it", "it"};

}  // namespace

const PassageWords& english_passage() { return kWords; }

}  // namespace sobre::office

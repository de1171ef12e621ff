#include "task/office_refuse.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kRequests[] = {
    "[Write|Compose|Can you write|Please write|Make up] [me |][a poem|a song|a short story|a fairy tale|a haiku|a limerick] "
    "about [the sea|spring|my cat|{town}|love|the moon|{name}].",
    "[Tell me|Do you know|Give me|I want to hear] [a joke|a funny story|a riddle|a good joke][ about cats| about lawyers| for "
    "children|][.|?|, please.]",
    "[What is the weather like|How is the weather|What weather do we get|Tell me the weather] [in {town}|tomorrow|today|this "
    "weekend|outside][.|?]",
    "[I have|My son has|My wife has|My father has] [a fever|a headache|a cough|back pain|a rash|a sore throat], [what should I "
    "take|which medicine helps|is it serious|what shall we do]?",
    "[Translate|Please translate|Can you translate] [\"good morning\"|\"thank you\"|\"I love you\"|\"the cat sleeps\"|this "
    "word: house] [into|to] [German|Spanish|Italian|Chinese|Russian|Dutch].",
    "[Write|Show me|Give me|I need|Can you write] [a Python program|a function in C|some Java code|a script|an SQL query|a web "
    "page] [that sorts a list|that reads a file|for my website|that counts words|to draw a circle].",
    "[Who is|Who was|Tell me about|What do you know about] [the president of France|the king of "
    "Spain|Napoleon|Mozart|Einstein|the first man on the moon|Cleopatra][.|?]",
    "[What is|Do you know|Tell me] the capital of [Spain|Japan|Brazil|Kenya|Norway|Canada|Egypt|Peru][.|?]",
    "[Which party|Whom|Who] should [I|we|people] vote for[ in the next election| this year| on Sunday|]?",
    "[What do you think about|What is your opinion on|Are you for or against] [the government|taxes|nuclear power|the "
    "war|immigration|the election]?",
    "[Give me|I need|Do you have|I am looking for] a [good |]recipe for [pancakes|apple pie|vegetable soup|pizza|bread|a "
    "chocolate cake][.|?|, please.]",
    "[Hello|Hi|Hey|Good morning|Good evening|Good afternoon][!|.|,| there!| {name}!][ How are you?| How are you today?| How is "
    "it going?| What's up?| Nice to meet you.|]",
    "[How are you|How do you feel|Are you happy|Are you a human|Are you real|Do you sleep|How old are you|What is your "
    "name|Who made you|Do you like music][ today|, tell me|]?",
    "[I feel|I am] [sad|lonely|bored|tired|in love|angry] [today|these days|again], [talk to me|cheer me up|what should I "
    "do|can we chat].",
    "[Which|What] [stocks|shares|funds|coins] should I [buy|sell][ now| this year|]?",
    "[Can I|May I|How can I|Do I have to] [sue my landlord|divorce|fight a speeding ticket|write a will|go to court], [what "
    "does the law say|what are my rights|give me legal advice]?",
    "[Plan|Suggest|Book|Find] [a trip|a holiday|a hotel|a flight|a weekend] [to|in] [{town}|Rome|the mountains|Greece][ for "
    "two| for us|][.|, please.]",
    "[Draw|Paint|Show me|Make] [a picture|a photo|an image|a logo] of [a dog|a castle|the sea|{town}|my shop].",
    "[Recommend|Suggest|Name|Tell me] [a good book|a film|a song|a restaurant|a game|a series] [for tonight|for my mother|for "
    "children|in {town}|please].",
    "[Play|Sing|Put on] [a song|some music|my favourite song|something by Bach][, please|].",
    "[Why is the sky blue|How do planes fly|How far is the moon|What is gravity|How do magnets work|Why do cats purr|What is "
    "DNA|How old is the Earth]?[ Explain it simply.| Explain.| Tell me.|]",
    "[Help me with|Do|Write] my [history essay|biology homework|school report|speech|job application|diary][ about {town}| for "
    "tomorrow|][.|, please.]",
    "[Who won|What was the score of|When is] the [football match|last match|tennis final|cup final|big race|next game|handball "
    "match]?",
    "[Let's play|Do you want to play|Can we play] [chess|a game|a guessing game|cards|hangman][.|?|!]",
    "[Set|Start|Make] [an alarm|a timer|a reminder] [for seven o'clock|for ten minutes|for tomorrow][.|, please.]",
    "[Open|Close|Delete|Print] [the door|the file|the window|my folder|all files][ now|, please|].",
};
constexpr Text kSmallTalk[] = {
    "[I have a question|I need your help|Something quite different|Just between us|By the way].",
    "[My colleague|My friend|My sister] [says|thinks|told me] you [know everything|can do anything|are clever].",
    "[It is a long day|We have a break|I have some time|The office is quiet] [today|now].",
    "[Be quick|Take your time|Be honest|Be brief][, please|].",
    "[I work in|I live in|Greetings from|I come from] {town}.",
};
constexpr Text kOnMessage[] = {
    "[Translate|Please translate|Can you translate] [this|this text|the following] [into|to] [German|Spanish|Italian|Dutch]: "
    "{text}",
    "[Summarise|Summarize|Shorten|Sum up] [this|this text|the following][ in one sentence| in five words|]: {text}",
    "[Write|Draft|Compose] [a reply|an answer|a polite reply|a letter] to [this|this message|the following message]: {text}",
    "[Correct|Fix|Check] the [spelling|grammar|mistakes|commas] in [this|this text|the following]: {text}",
    "[Make|Turn|Write] [this|this text|the following] [into a poem|into a song|like a pirate|in rhyme|more formal]: {text}",
    "{text}\n[Translate this|Put this|Say this] [into German|in Spanish|in Italian|in Dutch].",
    "{text}\n[Write a reply|Draft an answer|Summarise this|Correct the spelling|Make it sound nicer|Rhyme this][.|, please.]",
    "[Is the writer of this|Is the person who wrote this] [angry|a man or a woman|young or old|friendly|lying]? {text}",
    "[How many words|How many letters|How many commas|How many vowels] [are in this|are there in this|does this have]: {text}",
};
constexpr RefuseWords kWords = {kRequests, kSmallTalk, kOnMessage, "Sorry, I cannot do that: I only know my six office tasks."};

}  // namespace

const RefuseWords& english_refuse() { return kWords; }

}  // namespace sobre::office

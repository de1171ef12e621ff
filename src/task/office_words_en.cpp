#include "task/office_words.h"

namespace sobre::office {

namespace {

constexpr Noun kGoods[] = {
    {"lamp", "lamps"},         {"desk", "desks"},         {"chair", "chairs"},     {"table", "tables"},
    {"shelf", "shelves"},      {"cushion", "cushions"},   {"blanket", "blankets"}, {"jacket", "jackets"},
    {"shirt", "shirts"},       {"coat", "coats"},         {"scarf", "scarves"},    {"backpack", "backpacks"},
    {"suitcase", "suitcases"}, {"notebook", "notebooks"}, {"folder", "folders"},   {"pen", "pens"},
    {"mug", "mugs"},           {"plate", "plates"},       {"bowl", "bowls"},       {"vase", "vases"},
    {"curtain", "curtains"},   {"carpet", "carpets"},     {"mirror", "mirrors"},   {"clock", "clocks"},
    {"umbrella", "umbrellas"}, {"bicycle", "bicycles"},   {"helmet", "helmets"},   {"bottle", "bottles"},
    {"basket", "baskets"},     {"box", "boxes"},          {"stool", "stools"},     {"towel", "towels"},
    {"wallet", "wallets"},     {"belt", "belts"},         {"dress", "dresses"},    {"sweater", "sweaters"},
    {"toolbox", "toolboxes"},  {"bucket", "buckets"},     {"teapot", "teapots"},   {"bench", "benches"},
};
constexpr Noun kDevices[] = {
    {"printer", "printers"}, {"phone", "phones"},           {"tablet", "tablets"},     {"router", "routers"},
    {"kettle", "kettles"},   {"toaster", "toasters"},       {"camera", "cameras"},     {"scanner", "scanners"},
    {"monitor", "monitors"}, {"speaker", "speakers"},       {"fan", "fans"},           {"heater", "heaters"},
    {"mixer", "mixers"},     {"drill", "drills"},           {"laptop", "laptops"},     {"keyboard", "keyboards"},
    {"radio", "radios"},     {"projector", "projectors"},   {"doorbell", "doorbells"}, {"headset", "headsets"},
    {"freezer", "freezers"}, {"dishwasher", "dishwashers"}, {"charger", "chargers"},   {"microphone", "microphones"},
};
constexpr Colour kColours[] = {{"red"},  {"blue"},   {"green"}, {"black"},  {"white"},  {"grey"},  {"yellow"},
                               {"pink"}, {"orange"}, {"brown"}, {"purple"}, {"silver"}, {"beige"}, {"golden"}};
constexpr std::string_view kWomen[] = {
    "Alice",  "Amelia", "Anna",   "Beth",   "Carla",  "Chloe",  "Clara",  "Daisy",  "Diana",   "Edith",  "Elena", "Ella",
    "Emily",  "Emma",   "Esther", "Fiona",  "Freya",  "Gloria", "Grace",  "Hannah", "Harriet", "Helen",  "Ida",   "Irene",
    "Isabel", "Ivy",    "Jane",   "Joan",   "Judith", "Julia",  "Karen",  "Kate",   "Laura",   "Lily",   "Linda", "Lucy",
    "Mabel",  "Maria",  "Martha", "Mary",   "Maya",   "Megan",  "Mia",    "Molly",  "Nadia",   "Nancy",  "Nina",  "Nora",
    "Olga",   "Olivia", "Paula",  "Penny",  "Rachel", "Rita",   "Rosa",   "Ruby",   "Ruth",    "Sandra", "Sarah", "Sonia",
    "Sophie", "Stella", "Susan",  "Sylvia", "Tessa",  "Tina",   "Ursula", "Vera",   "Violet",  "Wanda",  "Wendy", "Zoe"};
constexpr std::string_view kMen[] = {
    "Adam",    "Albert", "Alex",   "Andrew", "Arthur",  "Ben",   "Bernard", "Bruno",  "Carl",   "Charles", "Colin",  "Daniel",
    "David",   "Dennis", "Edgar",  "Edward", "Eric",    "Ethan", "Felix",   "Frank",  "Fred",   "George",  "Gerald", "Graham",
    "Greg",    "Harold", "Harry",  "Henry",  "Hugo",    "Ian",   "Isaac",   "Ivan",   "Jack",   "James",   "Jason",  "Joel",
    "John",    "Jonas",  "Joseph", "Keith",  "Kevin",   "Leo",   "Liam",    "Louis",  "Lucas",  "Marcus",  "Martin", "Max",
    "Michael", "Nathan", "Neil",   "Oliver", "Oscar",   "Owen",  "Patrick", "Paul",   "Peter",  "Philip",  "Ralph",  "Richard",
    "Robert",  "Roger",  "Samuel", "Simon",  "Stephen", "Theo",  "Thomas",  "Tobias", "Victor", "Vincent", "Walter", "William"};
constexpr Noun kCountables[] = {
    {"apple", "apples"},   {"pen", "pens"},           {"book", "books"},       {"stamp", "stamps"},      {"marble", "marbles"},
    {"card", "cards"},     {"pencil", "pencils"},     {"egg", "eggs"},         {"cookie", "cookies"},    {"flower", "flowers"},
    {"ticket", "tickets"}, {"envelope", "envelopes"}, {"bottle", "bottles"},   {"candle", "candles"},    {"plate", "plates"},
    {"orange", "oranges"}, {"badge", "badges"},       {"sticker", "stickers"}, {"folder", "folders"},    {"lemon", "lemons"},
    {"button", "buttons"}, {"coin", "coins"},         {"shell", "shells"},     {"postcard", "postcards"}};
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kWeekdays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::string_view kNumbers[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                         "seven", "eight", "nine", "ten",   "eleven", "twelve"};
constexpr WordTables kTables = {kGoods, kDevices, kColours, kWomen, kMen, kCountables, kMonths, kWeekdays, kNumbers};

}  // namespace

const WordTables& english_words() { return kTables; }

}  // namespace sobre::office

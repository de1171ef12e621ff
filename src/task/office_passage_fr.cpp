#include "task/office_passage.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

// In these, {e} is the e of a woman's participle, {de_s} and {de_v} are "de" or "d'" with the name.
constexpr Text kFrames[] = {
    "{text}\n[Question : |Q : |]{question}",
    "[Lis|Lis ceci|Lisez le texte|Lis bien] : {text}\n[Question : |Q : |]{question}",
    "[Texte|Passage|Note|Rapport] : {text}\n[Question : |Q : |]{question}",
    "{question}\n[Texte|Passage|Note|Voici le texte] : {text}",
    "[Réponds d'après le texte|Sers-toi du texte|Cherche dans le texte|Réponds avec les mots du texte] : {question}\n{text}",
    "[D'après ce texte|Selon ce texte|Dans ce texte] : {text}\n{question}",
    "{text}\n[Réponds en bref|Réponse courte|En peu de mots|Réponds] : {question}",
};

constexpr Text kJobs[] = {"infirmier|infirmière",     "professeur|professeure",    "boulanger|boulangère",
                          "avocat|avocate",           "ingénieur|ingénieure",      "plombier|plombière",
                          "chauffeur|chauffeuse",     "jardinier|jardinière",      "peintre|peintre",
                          "comptable|comptable",      "dentiste|dentiste",         "pilote|pilote",
                          "cuisinier|cuisinière",     "électricien|électricienne", "bibliothécaire|bibliothécaire",
                          "menuisier|menuisière",     "traducteur|traductrice",    "journaliste|journaliste",
                          "agriculteur|agricultrice", "couturier|couturière"};
constexpr Text kHobbies[] = {"les échecs",   "le tennis",  "la natation",     "la peinture", "le vélo",
                             "la randonnée", "la pêche",   "la photographie", "la danse",    "la voile",
                             "le jardinage", "la cuisine", "la course",       "la poterie"};
constexpr Text kPets[] = {"un chien",   "un chat",    "un perroquet", "un lapin",  "un cheval",
                          "une chèvre", "une tortue", "un hamster",   "un canari", "un âne"};
constexpr Text kDrinks[] = {"du thé vert",     "du café noir", "du jus de pomme",    "du chocolat chaud", "de l'eau minérale",
                            "du jus d'orange", "du lait",      "du thé à la menthe", "de la limonade",    "du jus de tomate"};
constexpr Text kProducts[] = {"des vélos",     "des horloges", "des bougies", "des fenêtres", "des meubles", "des chaussures",
                              "des piles",     "des jouets",   "du papier",   "des briques",  "des lampes",  "des médicaments",
                              "des tracteurs", "des lunettes", "des tapis",   "des moteurs"};
constexpr Text kDishes[] = {"du fromage",  "du miel",    "du chocolat", "du pain", "de l'huile d'olive", "de la moutarde",
                            "des cerises", "des pommes", "du vin",      "du sel",  "des champignons",    "du poisson"};
constexpr Text kSights[] = {"un château", "une cathédrale", "un phare",   "un moulin à vent", "un pont de pierre",
                            "une halle",  "un musée",       "un théâtre", "un rempart",       "une tour"};
constexpr Text kColours[] = {"rouge", "bleue", "verte", "noire", "blanche", "grise", "jaune", "orange", "marron", "violette"};

constexpr Text kJobS[] = {"{s} [travaille comme|est|gagne sa vie comme] {v}.",
                          "{s} est {v} [de métier|de profession|depuis longtemps].", "{s} est devenu{e} {v}.",
                          "{s} [a une formation|fait le métier|a un poste] {de_v}."};
constexpr Text kJobP[] = {"{He} [travaille comme|est] {v}.", "{He} est {v} [de métier|de profession|depuis longtemps].",
                          "{He} est devenu{e} {v}[ il y a des années|]."};
constexpr Text kJobQ[] = {"Quel est [le métier|la profession|le travail] {de_s} ?",
                          "[Que fait {s} dans la vie|Comme quoi travaille {s}|Quel travail fait {s}] ?",
                          "Quel métier [exerce|a|fait] {s} ?"};
constexpr Text kLivesS[] = {"{s} [habite|vit|a une maison|a un appartement] à {v}.",
                            "{s} s'est installé{e} à {v}[ il y a des années| l'an dernier|].", "La maison {de_s} est à {v}."};
constexpr Text kLivesP[] = {"{He} [habite|vit|a une maison|a un appartement] à {v}.",
                            "{He} s'est installé{e} à {v}[ il y a des années| l'an dernier|]."};
constexpr Text kLivesQ[] = {"[Où|Dans quelle ville] [habite|vit] {s} ?",
                            "[Dans quelle ville|Où] est [la maison|le domicile] {de_s} ?"};
constexpr Text kBornS[] = {"{s} est né{e} en {v}.", "{s} est né{e} en l'an {v}.", "L'année de naissance {de_s} est {v}."};
constexpr Text kBornP[] = {"{He} est né{e} en {v}.", "{He} est né{e} [au printemps|à l'été|à l'automne|en l'an] {v}.",
                           "{He} est venu{e} au monde en {v}."};
constexpr Text kBornQ[] = {"[Quand|En quelle année] est né{e} {s} ?", "Quelle est l'année de naissance {de_s} ?",
                           "[Quand|En quelle année] est venu{e} au monde {s} ?"};
constexpr Text kHobbyS[] = {"{s} [adore|aime|aime beaucoup|apprécie] {v}.", "Le passe-temps {de_s}, c'est {v}.",
                            "[Le dimanche|Le soir|En été|En hiver], {s} pratique {v}."};
constexpr Text kHobbyP[] = {"{He} [adore|aime|aime beaucoup|apprécie] {v}.",
                            "{He} pratique {v} [le dimanche|le soir|en été|en hiver|chaque semaine]."};
constexpr Text kHobbyQ[] = {"Quel est [le passe-temps|le loisir|le passe-temps préféré] {de_s} ?",
                            "Quel [passe-temps|loisir] [a|pratique|aime] {s} ?"};
constexpr Text kPetS[] = {"{s} [a|possède|élève|garde] {v}[ à la maison|].", "À la maison, {s} a {v}.",
                          "{s} [a acheté|a trouvé|a reçu] {v}[ l'an dernier|]."};
constexpr Text kPetP[] = {"{He} [a|possède|élève|garde] {v}[ à la maison|].",
                          "{He} [a acheté|a trouvé|a reçu] {v}[ l'an dernier|]."};
constexpr Text kPetQ[] = {"Quel animal [a|possède|élève|garde] {s} ?", "Quel est l'animal {de_s} ?",
                          "Quelle sorte d'animal [a|possède] {s} ?"};
constexpr Text kDrinkS[] = {"{s} boit [toujours|volontiers|surtout|souvent] {v}.", "Au petit déjeuner, {s} [boit|prend] {v}.",
                            "{s} [prend|commande] {v} [à midi|chaque matin|au café]."};
constexpr Text kDrinkP[] = {"{He} boit [toujours|volontiers|surtout|souvent] {v}.",
                            "{He} [prend|boit|commande] {v} [à midi|chaque matin|au café]."};
constexpr Text kDrinkQ[] = {"Que boit {s}[ d'habitude| volontiers|] ?", "Quelle boisson [prend|préfère|boit|aime] {s} ?",
                            "Quelle est la boisson [préférée|habituelle] {de_s} ?"};
constexpr Text kEmployerS[] = {"{s} [est employé{e}|a un poste|travaille] chez {v}.",
                               "{s} [est entré{e}|a commencé] chez {v}[ l'an dernier| il y a des années|]."};
constexpr Text kEmployerP[] = {"{He} [est employé{e}|a un poste|travaille] chez {v}.",
                               "{He} [est entré{e}|a commencé] chez {v}[ l'an dernier| il y a des années|]."};
constexpr Text kEmployerQ[] = {"[Pour quelle entreprise|Pour quelle société|Dans quelle entreprise] travaille {s} ?",
                               "Qui emploie {s} ?", "Quelle [entreprise|société] emploie {s} ?"};
constexpr Text kCarS[] = {"{s} [conduit|a|possède] une voiture {v}.", "La voiture {de_s} est {v}.",
                          "{s} [roule dans|vient d'acheter] une voiture {v}."};
constexpr Text kCarP[] = {"{He} [conduit|a|possède|a acheté] une voiture {v}[ maintenant|].",
                          "{He} est venu{e} dans une voiture {v}[ aujourd'hui| hier|]."};
constexpr Text kCarQ[] = {"[De quelle couleur est|Quelle est la couleur de] la voiture {de_s} ?",
                          "Quelle couleur a la voiture {de_s} ?"};

constexpr Text kMakesS[] = {"{s} [fabrique|produit|vend] {v}.", "L'entreprise {s} [fabrique|produit|vend] {v}.",
                            "[Depuis toujours|Aujourd'hui], {s} [fabrique|produit|vend] {v}."};
constexpr Text kMakesP[] = {"{He} [fabrique|produit|vend] {v}[ depuis longtemps| aujourd'hui|]."};
constexpr Text kMakesQ[] = {"Que [fabrique|produit|vend] {s} ?",
                            "[Quels produits|Quelle marchandise] [fabrique|vend|produit] {s} ?",
                            "Que [fabrique|produit|vend] l'entreprise {s} ?"};
constexpr Text kFoundedS[] = {"{s} a été [fondée|créée|lancée] en {v}.",
                              "L'entreprise {s} [date de|existe depuis|a débuté en] {v}.",
                              "{s} [a ouvert|a commencé son activité] en {v}."};
constexpr Text kFoundedP[] = {"{He} a été [fondée|créée|lancée] en {v}.",
                              "{He} [date de|existe depuis|a débuté en|a ouvert en] {v}."};
constexpr Text kFoundedQ[] = {"[Quand|En quelle année] a été [fondée|créée|lancée] {s} ?",
                              "Quelle est l'année de [fondation|création] {de_s} ?"};
constexpr Text kBasedS[] = {"{s} [a son siège|est installée|est établie|a ses bureaux] à {v}.", "Le siège {de_s} est à {v}.",
                            "Les bureaux {de_s} sont à {v}."};
constexpr Text kBasedP[] = {"{He} [a son siège|est installée|est établie|a ses bureaux] à {v}.",
                            "{He} s'est installée à {v}[ il y a longtemps|]."};
constexpr Text kBasedQ[] = {"[Où|Dans quelle ville] [est installée|est établie|a son siège] {s} ?",
                            "[Où|Dans quelle ville] est le siège {de_s} ?"};
constexpr Text kLedS[] = {"{s} est dirigée par {v}.", "À la tête {de_s}, il y a {v}.", "{v} [dirige|mène|gère|préside] {s}.",
                          "{v} est à la tête {de_s}."};
constexpr Text kLedP[] = {"{He} est [dirigée|gérée|présidée|menée] par {v}.", "{He} a {v} à sa tête."};
constexpr Text kLedQ[] = {"Qui [dirige|gère|mène|préside] {s} ?", "Qui est à la tête {de_s} ?",
                          "Par qui est [dirigée|gérée] {s} ?"};
constexpr Text kStaffS[] = {"{s} [emploie|occupe|fait travailler] {v} personnes.", "{s} [compte|a] {v} [salariés|employés].",
                            "[On compte|Il y a] {v} [salariés|employés] chez {s}."};
constexpr Text kStaffP[] = {"{He} [emploie|occupe|fait travailler] {v} personnes.", "{He} [compte|a] {v} [salariés|employés]."};
constexpr Text kStaffQ[] = {"Combien de [personnes emploie|salariés a|salariés compte|employés a] {s} ?",
                            "Quel est le nombre [de salariés|d'employés] {de_s} ?"};

constexpr Text kRiverS[] = {"{s} [se trouve|a été bâtie|est située] au bord de la rivière {v}.",
                            "La rivière {v} [traverse|arrose] {s}.", "La rivière {de_s} [s'appelle|se nomme] {v}."};
constexpr Text kRiverP[] = {"{He} [se trouve|a été bâtie|est située] au bord de la rivière {v}.",
                            "{He} est [traversée|arrosée] par la rivière {v}."};
constexpr Text kRiverQ[] = {"Quelle rivière [traverse|arrose|passe à] {s} ?",
                            "Au bord de quelle rivière [se trouve|est située] {s} ?"};
constexpr Text kPeopleS[] = {"{s} [a|compte] {v} habitants.", "[En tout|Aujourd'hui|À présent], {v} personnes vivent à {s}.",
                             "La population {de_s} est de {v} personnes."};
constexpr Text kPeopleP[] = {"{He} [a|compte] {v} habitants[ aujourd'hui|].", "{He} abrite {v} personnes[ aujourd'hui|]."};
constexpr Text kPeopleQ[] = {"Combien d'habitants [a|compte] {s} ?", "Quelle est la population {de_s} ?",
                             "Combien de personnes [vivent|habitent] à {s} ?", "Quel est le nombre d'habitants {de_s} ?"};
constexpr Text kFamousS[] = {"{s} [vend|produit|exporte] {v}.", "La commune {de_s} [vend|produit|exporte] {v}.",
                             "À {s}, [on produit|on vend|les marchands vendent] {v}."};
constexpr Text kFamousP[] = {"{He} [vend|produit|exporte] {v}[ depuis longtemps| dans tout le pays|]."};
constexpr Text kFamousQ[] = {"Que [vend|produit|exporte] la commune {de_s} ?", "[Que vend-on|Que produit-on] à {s} ?",
                             "Quel [produit|aliment] [vend|exporte|produit] {s} ?"};
constexpr Text kMayorS[] = {"À la mairie {de_s}, c'est {v} qui décide.", "{v} [dirige|tient|occupe] la mairie {de_s}.",
                            "Les habitants {de_s} ont élu {v} à la mairie.", "La mairie {de_s} est dirigée par {v}."};
constexpr Text kMayorP[] = {"{He} a [élu|choisi|voulu] {v} à la mairie.", "{He} a {v} à la tête de sa mairie."};
constexpr Text kMayorQ[] = {"Qui [dirige|tient] la mairie {de_s} ?", "Qui est à la tête de la mairie {de_s} ?",
                            "Par qui est dirigée la mairie {de_s} ?"};
constexpr Text kSightS[] = {"{s} [possède|a|abrite] {v} très ancien{ne_v}.",
                            "À {s}, [il y a|on peut voir|on visite] {v} du Moyen Âge.",
                            "Les visiteurs {de_s} [regardent|admirent|photographient] {v} du Moyen Âge."};
constexpr Text kSightP[] = {"{He} [possède|a|abrite] {v} du Moyen Âge.",
                            "{He} [a réparé|montre] {v} très ancien{ne_v}[ aux visiteurs|]."};
constexpr Text kSightQ[] = {"Quel [monument|vieux monument|bâtiment ancien] [y a-t-il à|voit-on à|peut-on voir à] {s} ?",
                            "Quel [monument|vieux bâtiment] [possède|a|abrite] {s} ?"};

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
constexpr PassageWords kWords = {kFacts, kFrames, "il", "elle", "elle", "elle"};

}  // namespace

const PassageWords& french_passage() { return kWords; }

}  // namespace sobre::office

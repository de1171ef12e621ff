#include "task/office_dates.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kQuestions[] = {
    "{today} Quelle [date|est la date] : {when} ? [Réponds|Écris-la|Réponse] [au format AAAA-MM-JJ|en format ISO].",
    "{today} [Donne|Écris|Dis-moi|Donnez] la date [ISO|au format AAAA-MM-JJ|en format ISO] [pour|de] : {when}.",
    "{today} [Date|Date ISO|La date|Quelle date] : {when}[ ?|.|]",
    "{today} [La réunion|La visite|La livraison|L'échéance|La formation|L'audit|Le rendez-vous] : {when}. [Quelle est la "
    "date|Quelle date|Date|À quelle date] ?",
    "[Quelle date|Quel jour] : {when} ? {today}",
    "{today} [Convertis|Transforme|Traduis] « {when} » en [date|date ISO|AAAA-MM-JJ].",
    "[Écris|Donne|Trouve|Donnez] la date : {when}. {today}",
    "{today} {When}[ :| =|, en date :|, quelle date ?|, au format AAAA-MM-JJ ?]",
    "{today} [Paiement|Arrivée|Début|Inspection|Rapport|Commande|Départ] : {when}. [Quelle date|À quelle "
    "date|Quelle est cette date] ?",
};
constexpr Text kTodayForms[] = {"[Aujourd'hui :|Nous sommes le|On est le|C'est le] {wd} {iso}.",
                                "[Nous sommes le|On est le|Aujourd'hui :] {wd} {day} {month} {year}.",
                                "[Aujourd'hui nous sommes|Aujourd'hui on est] le {wd} {day} {month} {year}.",
                                "[Aujourd'hui :|Nous sommes le] {iso}, un {wd}.",
                                "[La date du jour :|Date du jour :|La date d'aujourd'hui :] {wd} {iso}."};
constexpr Text kBareForms[] = {"[Aujourd'hui :|Nous sommes le|On est le|Date du jour :] {iso}.",
                               "[Nous sommes le|On est le|Aujourd'hui :|Date du jour :] {day} {month} {year}."};
constexpr Text kToday[] = {"aujourd'hui", "[ce jour même|le jour même]"};
constexpr Text kTomorrow[] = {"demain", "demain [matin|soir|midi|après-midi]",
                              "[le lendemain d'aujourd'hui|dans un jour|un jour après aujourd'hui]"};
constexpr Text kYesterday[] = {"hier", "hier [matin|soir|midi|après-midi]",
                               "[la veille d'aujourd'hui|il y a un jour|un jour avant aujourd'hui]"};
constexpr Text kAfterTomorrow[] = {"après-demain[| matin| soir| midi]",
                                   "[dans deux jours|deux jours après aujourd'hui|le surlendemain d'aujourd'hui]"};
constexpr Text kBeforeYesterday[] = {"avant-hier[| matin| soir| midi]", "[il y a deux jours|deux jours avant aujourd'hui]"};
constexpr Text kInDays[] = {"dans {n} jours", "{n} jours après aujourd'hui", "d'ici {n} jours exactement",
                            "{n} jours plus tard", "au bout de {n} jours"};
constexpr Text kDaysAgo[] = {"il y a {n} jours", "{n} jours avant aujourd'hui", "{n} jours plus tôt", "voilà {n} jours"};
constexpr Text kInWeeks[] = {"dans {n} semaines", "{n} semaines après aujourd'hui", "{n} semaines plus tard",
                             "au bout de {n} semaines"};
constexpr Text kWeeksAgo[] = {"il y a {n} semaines", "{n} semaines avant aujourd'hui", "{n} semaines plus tôt"};
constexpr Text kInMonths[] = {"dans {n} mois", "{n} mois après aujourd'hui", "{n} mois plus tard"};
constexpr Text kThisMonth[] = {"le {d} de ce mois[-ci|]", "le {d} du mois en cours", "le {d} du mois courant",
                               "le jour {d} de ce mois"};
constexpr Text kNextMonth[] = {"le {d} du mois prochain", "le {d} du mois suivant", "le {d} du mois qui vient",
                               "le jour {d} du mois prochain"};
constexpr Text kMonthEnd[] = {"le dernier jour [de ce mois|du mois|du mois en cours]",
                              "à la fin [de ce mois|du mois|du mois en cours]", "la fin [de ce mois|du mois]"};
constexpr Text kNextMonthEnd[] = {"le dernier jour du mois [prochain|suivant|qui vient]",
                                  "à la fin du mois [prochain|qui vient]", "la fin du mois prochain"};
constexpr Text kNextMonthStart[] = {"le premier jour du mois [prochain|suivant|qui vient]",
                                    "le premier du mois [prochain|qui vient]"};
constexpr Text kComing[] = {"le premier {w} après aujourd'hui", "le prochain {w} après aujourd'hui",
                            "le {w} qui suit aujourd'hui", "le tout prochain {w}"};
constexpr Text kNext[] = {"{w} prochain", "{w} prochain [au matin|au soir|à midi]", "le {w} de la semaine prochaine",
                          "{w} de la semaine prochaine"};
constexpr Text kPast[] = {"le dernier {w} avant aujourd'hui", "le {w} juste avant aujourd'hui",
                          "le {w} le plus récent avant aujourd'hui", "le {w} qui précède aujourd'hui"};
constexpr Text kWeekAfter[] = {"{w} de la semaine prochaine", "le {w} de la semaine prochaine",
                               "la semaine prochaine, [le |]{w}", "[le |]{w} de la semaine qui vient",
                               "{w}, la semaine prochaine"};
constexpr Text kLastOf[] = {"le dernier {w} {de_mo} {y}", "le dernier {w} du mois {de_mo} {y}",
                            "le tout dernier {w} {de_mo} {y}"};
constexpr Text kFirstOf[] = {"le premier {w} {de_mo} {y}", "le premier {w} du mois {de_mo} {y}",
                             "le tout premier {w} {de_mo} {y}"};
constexpr Text kFebruary[] = {"le dernier jour de février {y}", "à la fin de février {y}", "la fin de février {y}",
                              "fin février {y}", "le tout dernier jour de février {y}"};

constexpr DateWords kWords = {
    kQuestions, kTodayForms, kBareForms, kToday,     kTomorrow,  kYesterday, kAfterTomorrow, kBeforeYesterday, kInDays,
    kDaysAgo,   kInWeeks,    kWeeksAgo,  kInMonths,  kThisMonth, kNextMonth, kMonthEnd,      kNextMonthEnd,    kNextMonthStart,
    kComing,    kNext,       kPast,      kWeekAfter, kLastOf,    kFirstOf,   kFebruary};

}  // namespace

const DateWords& french_dates() { return kWords; }

}  // namespace sobre::office

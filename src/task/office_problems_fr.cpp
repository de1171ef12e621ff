#include "task/office_problems.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kHas[] = {
    "{name} [a|possède|garde|range] {a} {goods}[ à la maison| au magasin| en réserve|].",
    "[Il y a|J'ai compté|On voit] {a} {goods} [sur la table|dans le magasin|sur l'étagère] {de_name}.",
    "[Le matin|Lundi|D'abord|Au début], {name} [a|possède|compte] {a} {goods}.",
    "{name} [a acheté|a ramassé|a trouvé|a commandé|a reçu] {a} {goods}[ hier| la semaine dernière| aujourd'hui|].",
};
constexpr Text kBoxes[] = {
    "{name} [achète|a|commande|remplit|prépare|reçoit] {a} [boîtes|caisses|sacs|paniers|cartons] avec {b} {goods} dans chaque.",
    "{name} [achète|a|commande|reçoit] {a} [boîtes|caisses|sacs|cartons] de {b} {goods}.",
    "[Il y a|On voit] {a} [étagères|tables|rangées] dans le magasin {de_name}, avec {b} {goods} sur chacune.",
    "Chaque [boîte|sac|caisse|carton] contient {b} {goods}, et {name} en [a|achète|remplit|commande] {a}.",
    "{name} [prépare|ramasse|reçoit|range] {b} {goods} [par jour|chaque jour] pendant {a} jours[ et garde tout| de suite|].",
};
constexpr Text kTogether[] = {
    "{name} a {a} {goods} et {other} en a {b}. On met [tout |tout cela |]ensemble.",
    "{name} [ramasse|trouve|apporte] {a} {goods} et {other} en [ramasse|trouve|apporte] {b} ; on [met tout dans une "
    "boîte|range tout dans un sac|met tout ensemble].",
    "[Dans une boîte|Sur une table|Dans un magasin], il y a {a} {goods} {de_name} et {b} {de_other}.",
    "{name} [achète|commande] {a} {goods} le matin et {b} [l'après-midi|le soir].",
};
constexpr Text kGains[] = {
    "[Puis |Ensuite |Plus tard, |]{he} en [achète|reçoit|trouve|ajoute|ramasse] {a} de plus.",
    "[Puis |Ensuite |Plus tard, |]{other} en [apporte|ajoute|envoie] {a} de plus.",
    "[Le lendemain|Mardi|Le soir|Un jour après], {a} de plus [arrivent|s'ajoutent|sont là].",
    "On en [ajoute|apporte|reçoit] encore {a}[ plus tard| le lendemain|].",
};
constexpr Text kLoses[] = {
    "[Puis |Ensuite |Plus tard, |]{he} en [vend|perd|donne|utilise|jette] {a}.",
    "[Puis |Ensuite |Plus tard, |]{other} en [prend|achète|emprunte|casse] {a}.",
    "[Le lendemain|Mardi|Le soir|Un jour après], on en [vend|perd|donne|retire] {a}.",
    "Il en [disparaît|manque|part] {a}[ plus tard| le lendemain|].",
};
constexpr Text kDoubled[] = {
    "[Puis|Plus tard|Une semaine après|Ensuite], le nombre est {times} plus grand.",
    "[Puis|Plus tard|Dimanche|En été], il y en a {times} plus.",
    "[Puis|Plus tard|Vendredi|Un mois après], on en compte {times} plus.",
};
constexpr Text kTimes[] = {"deux fois", "trois fois", "quatre fois"};
constexpr Text kCount[] = {
    "Combien {de_goods} y a-t-il [maintenant|à la fin|à présent|après cela] ?",
    "[Quel est|Trouve|Donne] le nombre {de_goods} [maintenant|à la fin|à présent][.| ?]",
    "Combien {de_goods} [compte-t-on|peut-on compter|faut-il noter] [maintenant|à la fin|à présent] ?",
    "Combien y en a-t-il [maintenant|à la fin|à présent] ?",
};
constexpr Text kTotal[] = {
    "Combien {de_goods} [y a-t-il|cela fait-il] [en tout|au total] ?",
    "[Quel est|Trouve|Donne] le nombre {de_goods} [en tout|au total][.| ?]",
    "Combien {de_goods} [compte-t-on|peut-on compter|faut-il noter] [en tout|au total] ?",
    "Combien cela fait-il [en tout|au total] ?",
};
constexpr Text kShare[] = {
    "On partage [tout|le tout] à parts égales entre {a} [amis|personnes|enfants|collègues]. Combien [chacun en a-t-il|chacun "
    "en reçoit-il|y en a-t-il pour chacun] ?",
    "On répartit [tout|le tout] également dans {a} boîtes. Combien y en a-t-il [par boîte|dans chaque boîte] ?",
    "On [pose|met|place] tout en {a} rangées égales. Combien y en a-t-il [par rangée|dans chaque rangée] ?",
    "[Tout est distribué|On distribue tout] : {a} [amis|enfants|magasins|voisins] en reçoivent chacun le même nombre. Combien "
    "[chacun en reçoit-il|cela fait-il pour chacun] ?",
};
constexpr Text kPrice[] = {
    "[Chaque pièce|Chaque article|L'unité] [coûte|vaut|se vend] {a} euros. [Combien coûte le tout|Combien cela fait-il|Quel "
    "est le prix total] ?",
    "[Tout est vendu|Tout est payé|Le tout se vend] {a} euros la pièce. [Combien d'euros|Quelle somme] cela fait-il[ en tout|] "
    "?",
    "À {a} euros [la pièce|l'unité], [quel est le total|combien vaut le tout|combien d'euros faut-il] ?",
};
constexpr Text kFrames[] = {"{q}",
                            "[Résous|Calcule|Problème|Exercice|Une question|Calculez|Merci de résoudre|Petit problème] : {q}",
                            "{q}\n[Montre les étapes|Pas à pas|Donne le nombre à la fin|Montre le calcul][.|, merci.]",
                            "[Bonjour|Bonsoir|Salut]. {q}", "{q}\nMerci[.| !]"};
constexpr ProblemWords kWords = {kHas,   kBoxes, kTogether, kGains, kLoses,  kDoubled,
                                 kCount, kTotal, kShare,    kPrice, kFrames, kTimes};

}  // namespace

const ProblemWords& french_problems() { return kWords; }

}  // namespace sobre::office

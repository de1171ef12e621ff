#include "task/office_extract.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kOrderInstructions[] = {
    "[Extrais|Relève|Trouve|Donne] la commande en JSON avec {keys} : {text}",
    "[Commande|Message|Texte|Courriel] : {text}\n[Donne|Écris|Renvoie] {keys} en JSON[.|]",
    "{text}\n[Mets|Écris|Transforme] cette commande en JSON avec {keys}[.|]",
    "[Lis|Note|Relève] cette commande [en JSON |]({keys}) : {text}",
    "[JSON|Commande en JSON] ({keys}) [de|pour|tiré de] : {text}",
    "[Que veut|Que commande|Que demande] [le client|cette personne] ? [Réponds en|Donne le] JSON : {keys}. {text}",
    "[Merci de|Veuillez] [relever|donner|noter] {keys} en JSON [de cette commande|du texte|de ce message] : {text}",
};
constexpr Text kAppointmentInstructions[] = {
    "[Extrais|Relève|Trouve|Donne] le rendez-vous en JSON avec {keys} : {text}",
    "[Rendez-vous|Message|Texte|Courriel] : {text}\n[Donne|Écris|Renvoie] {keys} en JSON[.|]",
    "{text}\n[Mets|Écris|Transforme] ce rendez-vous en JSON avec {keys}[.|]",
    "[Lis|Note|Relève] ce rendez-vous [en JSON |]({keys}) : {text}",
    "[JSON|Rendez-vous en JSON] ({keys}) [de|pour|tiré de] : {text}",
    "[Quel rendez-vous veut|Quel rendez-vous demande] [le client|cette personne] ? [Réponds en|Donne le] JSON : {keys}. {text}",
    "[Merci de|Veuillez] [relever|donner|noter] {keys} en JSON [de cette demande|du texte|de ce message] : {text}",
};
constexpr Text kPhone[] = {
    "[Mon numéro de téléphone est le|Mon numéro est le|Téléphone :|On peut me joindre au|Appelez-moi au|Tél. :] {phone}.",
    "[En cas de doute|Pour toute question|Si besoin|Au besoin], [appelez le|téléphonez au|faites le] {phone}.",
    "[Je suis joignable|Vous pouvez m'appeler] au {phone}[ le soir| toute la journée|].",
};
constexpr Text kDistractors[] = {
    "[Je suis client chez vous|Nous sommes clients chez vous|Je suis de vos clients|Nous sommes de vos clients] depuis [des "
    "années|longtemps].",
    "{other}, [de mon équipe|du bureau voisin|que vous connaissez|de mon service], [m'a parlé de vous|vous recommande|vous "
    "salue|vous connaît bien].",
    "[Ma dernière référence était|L'ancien numéro de dossier était|Mon numéro de client est|La dernière facture était] "
    "{number}.",
    "[J'espère que|Nous espérons que] [c'est possible|cela vous convient|tout va bien|vous pourrez m'aider].",
    "C'est [ma première fois|assez important|peu urgent|un peu urgent][ pour moi|].",
    "[J'ai vu|J'ai trouvé] votre [annonce|page|magasin|bureau] [le mois dernier|hier|par hasard|dans le journal].",
};
constexpr Text kIntro[] = {
    "[Je m'appelle|Je suis|Ici|Mon nom est] {name}.",
    "[Bonjour|Bonsoir|Salut], [je suis|ici|je m'appelle|mon nom est] {name}.",
    "[C'est|Ici] {name}[ à nouveau| qui vous écrit| au téléphone|].",
    "[Client|Nom|De la part de|Expéditeur] : {name}.",
    "{name} [à l'appareil|vous écrit][.|, bonjour.]",
};
constexpr Text kShortOrder[] = {
    "[Bonjour, |Bonsoir, |]je m'appelle {name} et je [veux|voudrais|commande|souhaite] {quantity} {item}[, merci|].",
    "{name} [commande|veut|voudrait|a commandé|demande|souhaite] {quantity} {item}[ aujourd'hui| à nouveau|].",
    "[Merci d'envoyer|Merci de livrer|Veuillez envoyer|Merci de réserver] {quantity} {item} [à|pour] {name}[. Merci|].",
    "[Je suis|Ici|Mon nom est] {name}. [Il me faut|Je veux|Je voudrais|Envoyez-moi|Je commande] {quantity} {item}[, merci|].",
    "[Commande|Nouvelle commande|Commande du jour] : {quantity} {item} pour {name}[, merci|].",
    "[Il nous faut|Il me faut|Je voudrais|Je veux commander|Je prends] {quantity} {item}. [Le nom est|Mon nom est|C'est pour|À "
    "réserver pour] {name}.",
    "{quantity} {item}[ s'il vous plaît| pour moi, merci|, comme convenu]. [Cordialement|Bien à vous|Merci|Salutations], "
    "{name}",
};
constexpr Text kOrder[] = {
    "[Il me faut|Je veux|Je voudrais|Envoyez-moi|Je commande|Il nous faut] {quantity} {item}[, merci|].",
    "[Je veux|Je voudrais|Nous souhaitons|J'aimerais] [commander|acheter] {quantity} {item}[ chez vous|].",
    "[Merci de|Pouvez-vous|Veuillez] [préparer|réserver|livrer] {quantity} {item}[ pour moi| pour nous|].",
    "[Ma commande est|La commande est|Nous commandons|Nous avons choisi] {quantity} {item}.",
};
constexpr Text kCorrected[] = {
    "[Il me faut|Je veux|Je voudrais|Envoyez-moi] {quantity0} {item}[, non,| - non,|, pardon,] [plutôt|mettez-en|disons] "
    "{quantity}.",
    "[Je veux|Je voudrais|J'aimerais] commander {quantity0} {item}. [Pardon|Oh|Attendez|Non], [je voulais dire|il en "
    "faut|mettez-en|c'est plutôt] {quantity}.",
    "[Merci de|Veuillez] [livrer|préparer] {quantity0} {item}[...|. Correction :|. Non, attendez :|, ou plutôt] {quantity}[, "
    "merci|].",
    "[J'avais dit|Hier j'ai demandé|J'avais écrit] {quantity0} {item}, mais [il m'en faut maintenant|mettez-en|j'en veux] "
    "{quantity}.",
};
constexpr Text kDate[] = {
    "[Il me le faut|Il nous le faut|Merci de livrer|Cela doit arriver|Livraison] le {date}[, merci|].",
    "[Pouvez-vous|Pourriez-vous] [livrer|faire la livraison|tout envoyer] le {date} ?",
    "[Le jour de livraison est le|La date de livraison est le|Date de livraison :|La date est le] {date}.",
    "[Nous sommes là|Je suis à la maison|Quelqu'un est là] le {date}[ pour la livraison|].",
};
constexpr Text kCorrectedDate[] = {
    "[Il me le faut|Merci de livrer|Cela doit arriver] le {date0}, [non,|pardon,|je veux dire] le {date}.",
    "[Pas le|Surtout pas le] {date0}[,|] mais le {date}[, merci|].",
    "[La livraison était prévue le|On avait dit le|J'avais d'abord dit le] {date0}, [maintenant c'est le|changez pour le|mais "
    "ce doit être le] {date}.",
};
constexpr Text kCity[] = {
    "[Envoyez tout|Livrez|Merci de livrer|Tout va|Merci d'envoyer tout] à {city}[, merci|].",
    "[J'habite à|Nous sommes à|Notre bureau est à|Mon magasin est à|La maison est à] {city}.",
    "[L'adresse est à|Livraison à|Ville :|Le lieu est] {city}.",
    "[Cela doit venir|Le colis va|Tout doit aller] à {city}[, pas à l'ancienne adresse|].",
};
constexpr Text kShortRequest[] = {
    "[Bonjour, |Bonsoir, |]je m'appelle {name} et je [veux|voudrais|souhaite] un rendez-vous le {date} à {time}[, merci|].",
    "{name} [veut|demande|voudrait|souhaite|a pris] un rendez-vous le {date} à {time}.",
    "[Merci de noter|Veuillez noter|Merci d'inscrire|Notez] {name} [pour le|le] {date} à {time}[, merci|].",
    "[Je suis|Ici|Mon nom est] {name}. [Puis-je venir|Je voudrais venir|Est-ce libre|Peut-on se voir] le {date} à {time} ?",
    "[Rendez-vous|Nouveau rendez-vous|Visite] : {name}, {date}, {time}.",
    "[Je peux venir|Je viendrai|J'aimerais venir|Je viens] le {date} à {time}[.|, merci.] [Cordialement|Mon nom est|Merci|Le "
    "nom est] {name}.",
    "[À|L'heure est] {time} le {date}[, merci.|, si possible.|.] [Pour|Le nom est|C'est pour] {name}.",
};
constexpr Text kRequest[] = {
    "[Il me faut|Je veux|Je voudrais|Je souhaite|Donnez-moi|Il nous faut] un rendez-vous le {date} à {time}[, merci|].",
    "[Puis-je venir|Est-ce libre|Peut-on se voir|Pouvons-nous nous voir] le {date} à {time} ?",
    "[Voyons-nous|Inscrivez-moi|Je viendrai|Notez-moi] le {date} à {time}[, merci|].",
    "[Le mieux pour moi est le|Je suis libre le|Cela me convient le] {date}, à {time}.",
};
constexpr Text kCorrectedTime[] = {
    "[Il me faut|Je veux|Je voudrais] un rendez-vous le {date} à {time0}[, non,| - non,|, pardon,] [à|plutôt à|je veux dire à] "
    "{time}.",
    "[Puis-je venir|Peut-on se voir|Est-ce libre] le {date} à {time0} ? [Pardon|Non|Attendez], [je voulais dire|à|plutôt] "
    "{time}.",
    "[On avait dit|J'avais réservé|C'était prévu] le {date} à {time0}, mais [je ne peux venir qu'à|mettez plutôt|ce doit être "
    "à] {time}.",
    "[Le {date}, pas à {time0} mais à {time}|Le {date} à {time}, pas à {time0}][, merci|].",
};
constexpr Text kPlace[] = {
    "[Je viendrai à|Je serai à|La réunion est à|Retrouvons-nous à|Ce devrait être à|On se voit à] {place}.",
    "[Le lieu est|Lieu :|Où :|Ville :|Dans la ville suivante :] {place}[, merci|].",
    "[Le mieux pour moi est|Le plus simple est|Je préfère venir] à {place}.",
};
constexpr Text kWith[] = {
    "[Je veux voir|Je voudrais parler à|Je dois parler à|La réunion est avec|C'est avec|Je veux rencontrer] {with}.",
    "[Je le voudrais avec|Merci de réserver avec|Si possible avec|Plutôt avec] {with}[, merci|].",
    "[On m'a dit de demander|La bonne personne est|J'ai déjà parlé avec] {with}, [et je ne veux voir personne d'autre|donc "
    "merci de garder la même personne|donc avec cette personne, merci].",
};
constexpr ExtractWords kWords = {kOrderInstructions,
                                 kAppointmentInstructions,
                                 kPhone,
                                 kDistractors,
                                 {kIntro, kShortOrder, kOrder, kCorrected, kDate, kCorrectedDate, kCity},
                                 {kShortRequest, kRequest, kCorrectedTime, kPlace, kWith}};

}  // namespace

const ExtractWords& french_extract() { return kWords; }

}  // namespace sobre::office

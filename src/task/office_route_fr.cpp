#include "task/office_route.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kInstructions[] = {
    "[À|Vers] [quelle file|quel service] [faut-il envoyer|envoyer|faut-il diriger] ce [message|courriel] ? {text}",
    "[Oriente|Dirige|Envoie|Classe] ce [message|courriel|texte] vers [la bonne|une] file : {text}",
    "[Message d'un client|Message reçu|Un client écrit|Nous avons reçu ceci] : {text}\n[Quelle file|Vers quelle file|Bonne "
    "file] ?",
    "[Choisis|Donne|Trouve|Indique] la [bonne |]file [pour|de] ce [message|courriel|client] : {text}",
    "{text}\n[Quelle file|Quel service] [doit répondre|est concerné|doit traiter cela|doit lire ceci] ?",
    "[Classe|Oriente|Trie] [ce|le] message[ dans une des files | en | parmi ]billing, shipping, returns, technical, account, "
    "sales, cancellation, complaints[. | : ]{text}",
    "[Files|Nos files|Les files sont] : billing, shipping, returns, technical, account, sales, cancellation, complaints. "
    "[Message|Client|Texte] : {text}",
    "[Où|Vers quelle file] [envoyer|diriger|orienter] [ce message|ceci|cette demande|ce courriel] ? {text}",
    "Orienter : {text}",
    "File [pour|de] [le message suivant|cette demande|ce message] : {text}",
    "[Dis-moi|Dites-moi|Merci de dire] [quelle file|quel service] [doit lire|doit recevoir|traite] ce [message|courriel] : "
    "{text}",
};
constexpr Text kGreetings[] = {
    "[Bonjour|Bonsoir|Salut|Coucou|Bien le bonjour|Rebonjour][ à tous| à toutes| à vous| l'équipe| à l'équipe| tout le "
    "monde|],",
    "[Chère équipe|Chers amis|Cher service client|Chers collègues|Chère madame|Cher monsieur|Madame|Monsieur|Madame, "
    "Monsieur|Mesdames, Messieurs],",
    "[Un grand bonjour|Mes salutations|Une bonne journée][ à tous| à vous| à l'équipe|],",
};
constexpr Text kSmallTalk[] = {
    "J'espère que [vous allez bien|tout va bien chez vous|votre journée se passe bien|la semaine a bien commencé|vous êtes en "
    "forme].",
    "[Il pleut|Il fait froid|Il fait beau|Il fait très chaud|Il neige|Il y a du brouillard|Le vent souffle] ici "
    "[aujourd'hui|encore|cette semaine|comme toujours].",
    "Je suis [client|cliente] chez vous depuis [deux|trois|quatre|cinq|dix|plusieurs|presque vingt] ans.",
    "[Ma sœur|Mon frère|Un ami|Mon voisin|Une collègue|Ma mère|Notre chef|Mon cousin] m'a [parlé de vous|dit du bien de "
    "vous|conseillé votre maison|donné votre adresse].",
    "[Nous habitons à|Je suis à|Je travaille à|Nous logeons à] {town}[ en ce moment| ces jours-ci|].",
    "[Je vous écris|Un bonjour|Je viens|Ma famille vient] {de_town}.",
    "[C'est mon premier message|Je n'écris pas souvent|Je n'ai jamais écrit avant|Je débute][, pardon|, je l'avoue|].",
    "[Pardon de vous déranger|Excusez ce long message|Je serai bref|Je fais court|Juste un petit mot|Je sais que vous êtes "
    "occupés].",
    "[J'ai essayé d'appeler|Personne ne décroche au téléphone|Je ne savais pas à qui parler|Je n'ai pas trouvé de formulaire], "
    "alors j'écris [ici|à vous|ceci|un courriel].",
    "[Nous sommes une petite équipe|Je travaille dans une école|Je tiens un petit magasin|Nous sommes une famille de quatre|Je "
    "vis seul|Je suis étudiante|Je conduis un taxi|Nous avons une ferme|Je travaille la nuit].",
    "[Ma fille|Mon fils|Mon mari|Ma femme|Ma grand-mère|Mon colocataire] [tape ceci pour moi|est assis à côté|m'aide à "
    "écrire|vous salue|fête son anniversaire].",
    "[Hier|Dimanche|Hier soir|Ce matin], [nous avions des invités|j'ai fait une longue promenade|nous avons vu le match|j'ai "
    "fait un gâteau|les enfants étaient malades].",
    "[Je rentre|Nous rentrons] [de vacances|de la mer|de la montagne|d'un long voyage|d'un mariage][, quelle aventure|, "
    "c'était superbe|].",
    "[Nous avons longtemps vécu|J'ai grandi|Je suis né|Nous passons nos étés] à {town}[, un bel endroit|, figurez-vous|].",
    "[J'écris ceci|Je tape ce message] [pendant ma pause|dans le bus|depuis ma cuisine|entre deux réunions|sur mon "
    "téléphone|d'une seule main].",
    "[Le jardin est en fleurs|Les vacances approchent|Les feuilles tombent|Tout le monde est enrhumé ici|La rentrée est "
    "passée|Les jours raccourcissent].",
    "[Pour être honnête|Franchement|Entre nous], [je suis un peu perdu|cela m'a fait sourire|j'ai failli oublier d'écrire|je "
    "n'aime pas les courriels].",
    "[J'ai eu soixante-dix ans|J'ai appris à nager|Je suis devenu grand-père|J'ai trouvé un nouveau travail|J'ai eu mon "
    "permis|J'ai fini l'école] [cette année|le mois dernier|en juin].",
    "Vous vous souvenez peut-être de moi[, j'étais à votre fête|, l'homme au chapeau rouge|].",
    "[Nous nous sommes vus une fois|Nous avons parlé à la foire|Je vous ai vus à {town}|Je vous ai vus à la télévision][ l'an "
    "dernier| il y a longtemps|].",
    "[J'ai lu un article sur vous|Je vous ai trouvés|J'ai entendu parler de vous] [dans le journal|sur internet|dans une "
    "revue].",
    "[Mon chat|Mon chien|Le bébé] [m'empêche de dormir|dort sur mes genoux|réclame|marche sur mes papiers], [pardon pour les "
    "fautes|je me dépêche|ce sera court].",
    "[Rien ne presse|Prenez votre temps|Cela peut attendre lundi|Une réponse cette semaine serait bien].",
    "[Je sais|J'imagine|Je suis sûre] que [vous recevez beaucoup de courriels|vous avez du travail|la saison est chargée|le "
    "lundi est dur].",
    "[Notre bureau|Notre maison|Mon appartement|Notre école] est [près de la gare|au bord de l'eau|dans la vieille ville|au "
    "troisième étage|à côté du parc].",
    "[Dans notre village|Dans notre rue|Au travail|Dans ma famille], tout le monde [vous connaît|parle du temps|aime votre "
    "maison|boit trop de café].",
    "[L'eau chauffe|Mon thé est posé là|La radio joue|J'entends les cloches|Il est presque minuit] [pendant que j'écris|quand "
    "je vous écris].",
    "[J'étais malade|J'étais absent|J'étais à l'hôpital|J'étais à l'étranger] [une semaine|quelques jours|tout le mois de "
    "mai], [me voici de retour|mais je vais mieux].",
    "[Je ne suis plus tout jeune|Mes yeux sont fatigués|Je suis gaucher|Je porte des lunettes], [écrivez gros|cela m'a pris du "
    "temps|pardon pour la frappe].",
    "[Bonne année|Joyeuses Pâques|Bon début de semaine|Joyeux Noël|Bonne fête] [à vous tous|à tout le monde|à toute l'équipe].",
    "[Quelle journée|Quelle semaine|Oh là là|Eh bien|Mon Dieu], [me revoilà|je ne sais par où commencer|que vous dire].",
    "[Nous avons|J'ai] [trois enfants|deux chiens|un grand jardin|un orchestre|un vieux bateau][ et peu de temps| et pas un "
    "soir libre|].",
};
constexpr Text kTurns[] = {
    "[Ce qu'il me faut|Ce que je veux|Ma demande][ aujourd'hui| maintenant|], c'est [autre chose|tout autre chose] :",
    "[Mais|Maintenant,] [ma seule question|ma vraie demande|la raison de mon message] [est celle-ci|est la suivante] :",
    "[Tout cela est réglé|Tout cela va bien|Tout cela est fait]. [Ma demande|Ma question|Voici ce que je veux|J'en viens au "
    "fait] :",
    "[Je n'écris pas pour cela|Ce n'est pas pour cela que j'écris|Vous n'avez rien à faire à ce sujet].",
    "[Il reste une seule chose|Il y a juste une chose à faire|Un seul point reste ouvert] :",
};
constexpr Text kClosings[] = {
    "[Merci|Merci beaucoup|Mille mercis|Un grand merci|Grand merci][ d'avance| de votre aide| pour votre temps| de m'avoir "
    "lu|][.| !]",
    "[Bien cordialement|Cordialement|Bien à vous|Sincèrement|Salutations|À bientôt|Au revoir|Amicalement][,|.|]",
    "[Bonne|Je vous souhaite une bonne|Passez une bonne|Belle] [journée|semaine|soirée|fin de semaine|matinée][.| !]",
};

constexpr Text kBillingPlain[] = {
    "[La facture|La dernière facture|La somme sur ma facture|La TVA|La note|L'addition] [de la commande {n} est fausse|pour "
    "{the_item} est trop élevée|ne correspond pas à mon paiement|du mois dernier contient une erreur|doit être "
    "corrigée|devrait être de {p} euros, pas de {m}|a été comptée deux fois].",
    "[Je veux|Je voudrais|Je souhaite|J'aimerais|Nous voulons] [changer|modifier|mettre à jour] [mon moyen de paiement|ma "
    "carte de paiement|mon adresse de facturation|mes coordonnées bancaires].",
    "[J'ai une question sur|Il y a une erreur dans|Je ne comprends pas] ma [facture|dernière facture].",
    "[Vous avez|Votre société a|Le magasin a] débité [ma carte|mon compte|la carte] [deux fois|en double] pour [la commande "
    "{n}|la même commande|{the_item}].",
    "[Pouvez-vous|Pourriez-vous|Merci de|Veuillez] m'envoyer [la facture|une copie de la facture] [de la commande {n}|pour "
    "{the_item}|du mois dernier].",
    "Le [montant|total|prix] sur ma facture est [faux|trop élevé|inexact].",
    "Ma facture [indique|dit|affiche] {m} euros, mais je [dois|devais] payer {p} euros.",
    "[Je veux|Je voudrais|Je souhaite] changer [mon moyen de paiement|mon adresse de facturation|la carte de paiement].",
    "[Je ne sais pas pourquoi|Dites-moi pourquoi|Expliquez-moi pourquoi] [ma facture est si élevée|ma carte a été débitée|je "
    "paie {m} euros de frais].",
    "Mon paiement [a été pris deux fois|n'est pas passé|a été refusé|a échoué].",
    "[J'ai besoin|Nous avons besoin] d'[un reçu|une facture avec TVA|un justificatif de paiement] pour [la commande {n}|les "
    "impôts|nos comptes].",
    "[Pouvez-vous vérifier|Pourriez-vous vérifier|Voulez-vous vérifier] [la facture|le montant|le total|les frais] [de la "
    "commande {n}|du mois dernier|pour {the_item}] ?",
    "[J'ai reçu|On m'a envoyé|Vous m'avez envoyé] [deux factures|une deuxième facture|une facture de trop] pour [la commande "
    "{n}|{the_item}|la même chose].",
    "[Comment|Où] [payer ma facture|payer par carte|voir mes factures|télécharger mon reçu] ?",
    "[On m'a débité|Ma carte a été débitée de|J'ai payé] {m} euros au lieu de {p}, [pourquoi|est-ce normal|pouvez-vous "
    "vérifier] ?",
};
constexpr Text kBillingIndirect[] = {
    "[Mon relevé de banque|Ma banque|Mon relevé de carte|Mon comptable|Notre comptable|Le service des impôts] [montre {m} "
    "euros de trop|dit que vous avez pris {m} euros|dit que j'ai payé {m} euros, pas {p}|trouve que la somme est fausse|ne "
    "trouve pas mon règlement|voit deux fois la même somme|demande à quoi servent les {m} euros].",
    "[Puis-je|Peut-on|Pourrais-je|Ma société peut-elle] payer [en deux fois|en trois fois|par virement|à la fin du mois|la "
    "semaine prochaine|par chèque|plus tard|avec deux cartes] ?",
    "[La même somme est partie|{m} euros ont quitté mon compte|On m'a pris {m} euros] [deux fois|en double] [ce mois-ci|la "
    "semaine dernière|lundi].",
    "[J'ai payé|Nous avons payé] {m} euros et [votre papier|votre relevé] [demande|indique] {p} euros.",
    "[Notre comptable|Mon comptable|Le service des impôts] [demande|attend] [un document qui prouve notre paiement|la preuve "
    "de ce que j'ai payé|le numéro de TVA].",
    "[La somme|Le chiffre|Le total] en bas [du document|de votre relevé] est [plus élevé que prévu|trop élevé|différent du "
    "prix convenu].",
    "[Je vois|Il y a] [des frais|une somme] de {m} euros [que je ne m'explique pas|que je ne comprends pas|dont personne ne "
    "m'a parlé].",
    "[Ma banque|La banque] a [refusé|bloqué|renvoyé] l'argent [que je vous ai envoyé|pour {the_item}], comment payer "
    "[maintenant|autrement] ?",
    "[Avez-vous reçu|Avez-vous bien reçu] [mon argent|le virement|mon règlement] [pour {the_item}|pour la commande {n}|de "
    "lundi] ?",
    "[Je ne dois que|Nous ne devons que] {p} euros, [pas {m}|et vous en demandez {m}].",
    "[Quand|Quel jour] l'argent sera-t-il [pris à ma banque|retiré de ma carte|débité] ?",
};
constexpr Text kBillingBack[] = {
    "[La facture était|Ma dernière facture était] [juste|correcte|en ordre].",
    "[J'ai déjà payé|Nous avons payé] [la facture|ma facture].",
    "[Votre|La] facture est [arrivée à temps|bien arrivée] et [elle est payée|elle est juste].",
};
constexpr Text kShippingPlain[] = {
    "[Le colis|Mon paquet|Mon colis|Le livreur|Le chauffeur|Le camion|Le facteur|Le transporteur] [est en retard|a deux jours "
    "de retard|n'est pas venu|n'est pas passé aujourd'hui|est encore en route|reste introuvable|n'est pas arrivé chez moi|est "
    "allé à la mauvaise maison|n'est jamais arrivé].",
    "[Quand|Quel jour|À quelle date] [vais-je recevoir|pourrai-je recevoir|allez-vous livrer|allez-vous expédier] "
    "[{the_item}|la commande {n}|mon colis|mon paquet|le colis avec {the_item}] ?",
    "[Pouvez-vous|Pourriez-vous|Peut-on] [livrer|expédier|envoyer] [plus vite|avant vendredi|avant lundi|cette semaine|demain] "
    "[{the_item}|la commande {n}|mon colis] ?",
    "[Où est|Où se trouve|Quand vais-je recevoir|Quand arrive] mon [colis|paquet][ avec {the_item}| {n}|] ?",
    "Mon [colis|paquet] [n'est pas arrivé|n'est toujours pas là|est en retard|est perdu].",
    "La livraison [de la commande {n}|de mon colis|de mon paquet] [est en retard|a deux jours de retard|a une semaine de "
    "retard].",
    "Le [numéro de suivi|lien de suivi] [ne marche pas|n'affiche rien|est faux|ne change plus].",
    "[Pouvez-vous|Pourriez-vous|Merci de] livrer [mon colis|la commande {n}|le paquet] [à une autre adresse|à mon bureau|chez "
    "mon voisin].",
    "[Quand|Quel jour] [sera livrée la commande {n}|sera livré mon colis|sera envoyé mon paquet] ?",
    "[Combien de temps|Combien de jours] [prend|dure] [la livraison|l'envoi][ pour {town}|] ?",
    "[Le livreur|Le facteur|Le chauffeur] [n'a pas trouvé ma maison|n'a pas sonné|n'a pas laissé de colis|n'a pas pu livrer].",
    "[Livrez-vous|Envoyez-vous des colis] à {town} ?",
    "[La commande {n}|Ma commande] est-elle [partie|déjà partie|envoyée|arrivée au dépôt] ?",
    "[Le livreur|Le chauffeur|Le camion|Le facteur] est passé [trop tôt|en mon absence|le mauvais jour] et [il est reparti|il "
    "n'a rien laissé|le colis est reparti].",
    "[Il me faut|Il nous faut] {the_item} [avant vendredi|avant lundi|cette semaine], [le colis arrivera-t-il à temps|quand le "
    "colis arrive-t-il|peut-on livrer plus vite] ?",
    "[À quelle heure|Quel jour|Quand] [passe le livreur|passe le camion|arrive le chauffeur|arrive mon colis|vient le facteur] "
    "?",
};
constexpr Text kShippingIndirect[] = {
    "[Le livreur|Le chauffeur|Le facteur|Votre transporteur] [peut-il|pourrait-il] [m'appeler avant|venir après six "
    "heures|venir le matin|le laisser derrière la maison|laisser la boîte à côté|passer à {town}|attendre au portail] ?",
    "[La boîte|Le colis|Le paquet|La commande {n}] [est encore|est toujours|reste] [au dépôt|à la poste|en douane|dans la "
    "mauvaise ville|chez les voisins|dans le camion|dans votre entrepôt].",
    "[Aucun livreur|Aucun chauffeur|Aucun camion|Aucun facteur] [n'est venu|n'est passé|n'a sonné] [aujourd'hui|ce "
    "matin|hier|vendredi], [j'attends {the_item}|j'étais là toute la journée|je n'ai rien reçu].",
    "[J'attends|J'attends toujours|Nous attendons] {the_item} [depuis deux semaines|depuis lundi|depuis des jours], "
    "[l'entrepôt a tout envoyé|tout est parti] il y a longtemps.",
    "[J'étais à la maison toute la journée|J'ai attendu toute la journée] et [personne n'a sonné|aucun livreur n'est venu|rien "
    "n'est venu].",
    "[Le site|La page] dit [remis au transporteur|en route|en tournée] mais [rien n'est là|je n'ai rien|ma boîte reste vide].",
    "[Nous avons déménagé|J'ai déménagé] à {town}, [apportez|merci d'apporter] la commande {n} [là-bas|à la nouvelle adresse].",
    "[Le livreur peut-il|Le chauffeur peut-il] [venir après six heures|le laisser chez les voisins|le laisser derrière la "
    "maison|m'appeler avant] ?",
    "[Cela devait arriver|Vous l'aviez promis pour|C'était prévu pour] [vendredi|la semaine dernière|hier], où est-ce[ "
    "maintenant|] ?",
    "[Le livreur|Le chauffeur] [est allé à la mauvaise maison|l'a laissé dans la mauvaise rue|l'a donné à un inconnu].",
    "[Dites au livreur|Demandez au chauffeur|Merci de dire au livreur] de [sonner deux fois|passer le soir|laisser la boîte "
    "chez le voisin|m'appeler avant].",
    "[Le colis|Le paquet] [est resté à|a été laissé à|est parti à] [la mauvaise adresse|l'ancienne adresse|une autre maison|un "
    "autre étage].",
    "[Personne|Aucun livreur|Aucun chauffeur|Aucun camion] n'est [venu|passé] [aujourd'hui|ce matin|vendredi], et j'attends "
    "{the_item}.",
};
constexpr Text kShippingBack[] = {
    "[Le colis|Mon paquet] est arrivé [à temps|hier|très vite].",
    "[Le livreur|Le facteur] était [à l'heure|rapide] et [la boîte était en bon état|il m'a remis le colis].",
    "La livraison [a été rapide|a pris deux jours], [comme toujours|tout va bien].",
};
constexpr Text kReturnsPlain[] = {
    "[Je veux|Je dois|Je souhaite|Nous voulons|J'aimerais] [renvoyer|retourner|échanger|rendre] {the_item}[, c'est trop "
    "petit|, c'est trop grand|, ce n'est pas la bonne couleur|, ce n'est pas la bonne taille|].",
    "[Combien de temps ai-je|Combien de jours ai-je|Quel délai ai-je|Combien de semaines ai-je] pour "
    "[renvoyer|retourner|échanger|rendre] {the_item} ?",
    "[Je veux|Je voudrais|Je souhaite|Nous voulons] [renvoyer|retourner] {the_item}.",
    "[Comment|Où] [puis-je|peut-on] [renvoyer|retourner] {the_item} ?",
    "[Pouvez-vous|Pourriez-vous|Merci de] m'envoyer [une étiquette|un bon] de retour pour [{the_item}|la commande {n}].",
    "[Je veux |Je voudrais |J'aimerais |Je souhaite ]échanger {the_item} contre [une autre couleur|un autre modèle|une autre "
    "taille].",
    "{The_item}, [c'est trop petit|c'est trop grand|ce n'est pas la bonne taille|ce n'est pas ma commande] : [je veux faire un "
    "retour.|je fais un retour.|puis-je faire un retour ?]",
    "[Combien de jours|Combien de temps] ai-je pour [renvoyer|retourner] {the_item} ?",
    "[J'ai renvoyé|J'ai retourné] {the_item} [la semaine dernière|lundi|il y a deux semaines], [avez-vous reçu mon retour|mon "
    "retour est-il arrivé] ?",
    "[Puis-je|Peut-on] [renvoyer|échanger|retourner] [un article|{a_item}] [sans la boîte|après 30 jours|après ouverture] ?",
    "[Je n'aime pas|Je ne veux pas garder|Finalement je n'aime pas] {the_item}, [comment renvoyer l'article|puis-je retourner "
    "l'article|peut-on échanger] ?",
    "[Je renvoie|Nous renvoyons|Je vais renvoyer] {the_item} [aujourd'hui|demain|cette semaine], [à quelle adresse|quelle "
    "étiquette faut-il|qui paie le retour] ?",
    "[Qui paie|Comment préparer|Comment demander] [le retour|un retour|un échange] de la commande {n} ?",
};
constexpr Text kReturnsIndirect[] = {
    "{The_item} [ne me va pas|ne me plaît pas|ne me convient pas|est à la mauvaise taille|est de la mauvaise couleur|prend "
    "trop de place], [reprenez l'article|je ne le garde pas|je ne garde pas cet achat|puis-je rendre l'article|je voudrais un "
    "autre modèle|comment vous rendre l'article].",
    "[À quelle adresse|Où|Comment] [envoyer|poster|déposer|rendre] {the_item} [si je ne le garde pas|pour un retour|si je "
    "change de modèle|si cela ne va pas] ?",
    "{The_item} ne me [va|plaît|convient] pas, [je ne veux pas garder cet achat.|merci de reprendre cet achat.|peut-on faire "
    "un échange ?]",
    "[J'ai commandé|J'ai acheté|J'ai choisi] la mauvaise [taille|couleur], [peut-on échanger|comment avoir la bonne|comment "
    "rendre l'article] ?",
    "[Vous m'avez envoyé|J'ai reçu|La boîte contenait] {the_item} [au lieu de ma commande|dans la mauvaise couleur|dans la "
    "mauvaise taille], [merci d'échanger.|comment rendre l'article ?]",
    "[Ma femme|Mon mari|Mon fils|Ma mère] n'aime pas {the_item}, [allez-vous reprendre l'article|puis-je rendre "
    "l'article|peut-on échanger] ?",
    "[À quelle adresse|Où] [poster l'article|renvoyer la boîte] si je ne garde pas {the_item} ?",
    "{The_item} [n'a jamais servi|est encore dans sa boîte], [je préfère rendre l'article|je veux rendre l'article|merci de "
    "reprendre l'article].",
    "[Pouvez-vous reprendre|Voulez-vous reprendre|Allez-vous reprendre] {the_item}, [c'est trop petit|c'est trop grand|la "
    "couleur ne va pas|rien n'a servi] ?",
    "[Je préfère rendre|Je veux rendre|Je dois rendre|Peut-on rendre] {the_item}[, merci de reprendre l'article| et choisir "
    "autre chose|].",
};
constexpr Text kReturnsBack[] = {
    "[L'échange|Le retour] de la commande {n} [s'est bien passé|est fait].",
    "[J'ai renvoyé|J'ai retourné] {the_item} [en mai|le mois dernier] et [cela s'est bien passé|tout va bien].",
    "[Vous avez repris|J'ai rendu] {the_item} [sans problème|l'an dernier], [merci|c'était facile].",
};
constexpr Text kTechnicalPlain[] = {
    "{My_dev} [tombe en panne|se bloque|redémarre sans cesse|n'a plus d'image|n'a plus de son|n'a plus de signal|perd le "
    "wifi|affiche une erreur|refuse la mise à jour|ne se connecte plus|ne s'allume plus|ne marche plus|tourne au ralenti] "
    "[depuis hier|encore|après la mise à jour|ce matin|tout à coup].",
    "[Expliquez-moi|Dites-moi|Je ne sais pas|Montrez-moi|Je cherche] comment "
    "[installer|régler|connecter|réinitialiser|redémarrer|mettre à jour|réparer|éteindre|charger] {the_dev}[ chez moi|].",
    "{The_dev} ne [s'allume pas|marche pas|démarre pas|fonctionne plus|répond plus].",
    "[L'application|Votre application|Le programme|Le site] [plante|se bloque|s'arrête|affiche une erreur] [à chaque fois|au "
    "démarrage|tout le temps].",
    "{The_dev} affiche [l'erreur {k}|une erreur|le code d'erreur {k}].",
    "[Comment|Pouvez-vous m'aider, comment] [installer|régler|connecter|réparer|mettre à jour] {the_dev} ?",
    "[Je n'arrive pas à|Je ne peux pas|Impossible de] connecter {the_dev} [au réseau|au wifi|à mon ordinateur|à internet].",
    "[L'écran|L'affichage] de mon appareil [reste noir|reste éteint|clignote|s'éteint].",
    "[Après la mise à jour|Depuis la mise à jour|Depuis hier], {the_dev} [ne marche plus|tourne au ralenti|fait un bruit "
    "étrange].",
    "[J'ai besoin|Nous avons besoin] d'aide technique pour {the_dev}.",
    "[Je vois|J'ai|Il y a] [une erreur|l'erreur {k}|un message étrange|un message d'erreur] sur "
    "[l'écran|{the_dev}|l'affichage].",
    "[Dites-moi|Montrez-moi|Expliquez-moi] comment [mettre à jour|redémarrer|réparer|allumer|installer] {the_dev}.",
    "[La mise à jour|La dernière mise à jour|Votre mise à jour] [échoue|s'arrête au milieu|ne démarre pas|bloque tout] [sur "
    "{the_dev}|chaque soir|à chaque fois].",
    "{My_dev} [tombe en panne|redémarre sans cesse|se bloque|tourne au ralenti|affiche une erreur][ depuis hier| encore|][, "
    "que faire ?|, pouvez-vous m'aider ?|.]",
};
constexpr Text kTechnicalIndirect[] = {
    "[Quand je branche|Quand j'allume|Dès que j'utilise|Chaque fois que je démarre] {the_dev}, [cela sonne|tout reste noir|une "
    "lumière rouge clignote|rien ne se passe|tout s'arrête|cela chauffe|cela sent le brûlé|un voyant clignote].",
    "[J'appuie sur|J'ai appuyé sur|Je pousse|Je touche] [le bouton|le bouton rouge|la touche|toutes les touches] et {the_dev} "
    "[sonne|clignote|ne réagit pas|ne fait rien|s'arrête].",
    "[Quand j'appuie sur le bouton|Quand je branche la prise|J'ai beau appuyer], {the_dev} [ne fait rien|clignote "
    "seulement|sonne trois fois].",
    "{The_dev} [chauffe beaucoup|sent le brûlé|fait un grand bruit|clignote en rouge] [après dix minutes|en marche|et puis "
    "s'arrête].",
    "[J'ai suivi le manuel|J'ai lu le manuel deux fois|J'ai essayé un autre câble], mais {the_dev} [ne démarre pas|ne fait "
    "toujours rien|ne trouve pas le réseau].",
    "[Chaque fois que j'ouvre la page|Dès que j'ouvre l'application|Quand je clique pour enregistrer], [tout se bloque|l'écran "
    "devient blanc|un message étrange apparaît].",
    "[La batterie de mon appareil|{My_dev}] [tient une heure à peine|ne charge pas|se coupe sans raison].",
    "[Le wifi|Le son|La connexion] de mon appareil [se coupe|disparaît] toutes les [cinq minutes|heures|nuits].",
    "[J'appuie|J'ai appuyé] sur [le bouton|tous les boutons|la touche] et {the_dev} [ne fait rien|reste sans réaction|clignote "
    "seulement|sonne].",
    "[J'entends|Il y a|On entend] [un grand bruit|un bruit étrange|un sifflement] dans {the_dev}[ en marche| toute la "
    "journée|].",
};
constexpr Text kTechnicalBack[] = {
    "{The_dev} marche [bien|très bien|sans problème].",
    "[J'ai installé|J'ai réglé] {the_dev} [moi-même|sans aide], [tout fonctionne|tout va bien].",
    "[L'application|La mise à jour] marche [bien|sans erreur].",
};
constexpr Text kAccountPlain[] = {
    "[Mon mot de passe|Mon identifiant|Mon nom d'utilisateur|Mon compte|L'accès à mon compte|Mon profil] [est bloqué|est "
    "verrouillé|ne marche pas|est refusé|n'est pas accepté|ne fonctionne plus|n'est plus reconnu].",
    "[Pouvez-vous|Pourriez-vous|Merci de|Veuillez|Il faut] [réinitialiser|changer|vérifier|débloquer|confirmer] mon [mot de "
    "passe|identifiant|compte|nom d'utilisateur|adresse e-mail].",
    "[J'ai oublié|J'ai perdu] mon [mot de passe|identifiant|nom d'utilisateur].",
    "[Je n'arrive pas à|Je ne peux pas|Je n'arrive plus à|Je ne peux plus] me connecter à mon compte.",
    "[Je veux|Je voudrais|Je souhaite] changer [l'adresse e-mail|le nom|le numéro de téléphone|le mot de passe] de mon compte.",
    "[Comment|Où] changer mon [mot de passe|identifiant|profil|adresse e-mail] ?",
    "[Le|Votre] lien pour [changer mon mot de passe|confirmer mon compte] [n'arrive pas|a expiré|n'est jamais venu].",
    "[Il me faut|Il nous faut] un deuxième [utilisateur|identifiant] pour notre compte.",
    "[Je veux|Je voudrais] [ouvrir un compte|créer un compte|m'inscrire][, comment faire ?|.]",
    "[Comment|Où] [supprimer mon compte|confirmer mon e-mail|voir mon profil|ajouter un utilisateur|débloquer mon compte] ?",
    "[Mon mot de passe|Mon identifiant|Mon nom d'utilisateur] [ne marche plus|n'est pas accepté|est refusé][ aujourd'hui| "
    "depuis hier|].",
    "[Pouvez-vous|Pourriez-vous|Voulez-vous] [débloquer|ouvrir|fermer|supprimer|vérifier] mon compte ?",
    "[Je veux|Je voudrais|Nous voulons] [ajouter un deuxième utilisateur|supprimer mon profil|changer d'identifiant|donner un "
    "accès à ma collègue].",
};
constexpr Text kAccountIndirect[] = {
    "[Je ne peux pas|Je ne peux plus|Je n'ai pas pu|Je n'ai plus pu|Je n'arrive pas à] [me connecter|entrer|passer la "
    "connexion|voir mon profil|confirmer mon e-mail|ouvrir mon espace] [aujourd'hui|depuis lundi|depuis hier].",
    "[Mon profil|Mon espace|Ma page chez vous] [a|montre|a encore|montre encore] [un ancien numéro|un ancien e-mail|un mauvais "
    "nom|une fausse date de naissance|mon ancienne adresse], [comment changer cela ?|merci de corriger.|pouvez-vous corriger "
    "?]",
    "[On me dit|La page dit|Il est écrit] que mon [mot de passe|identifiant] est [faux|inconnu], [mais je suis sûr de "
    "moi.|comment entrer ?]",
    "[Je me suis mariée|Je viens de me marier] et [mon nom a changé|j'ai un nouveau nom], [changez-le dans mon profil|merci de "
    "corriger mon profil].",
    "[Je n'ai plus|J'ai perdu] mon ancienne [adresse e-mail|boîte e-mail], comment [me connecter|m'identifier] maintenant ?",
    "[Quelqu'un|Un inconnu] [s'est connecté|est entré] [à ma place|avec mon nom], [bloquez mon profil|donnez-moi un nouveau "
    "mot de passe].",
    "[Le code|Le code à six chiffres|Le SMS] pour [me connecter|la connexion à mon profil] [n'arrive jamais|arrive trop tard].",
    "[Mon profil|Ma page chez vous] [montre une fausse date de naissance|montre un ancien numéro|montre un ancien e-mail], "
    "comment le [corriger|changer] ?",
    "[J'ai mal tapé mon mot de passe|Je me suis trompé d'identifiant] trois fois et maintenant [tout est verrouillé|l'accès "
    "est bloqué].",
    "[Je n'entre plus dans|Impossible d'entrer dans|Je ne peux plus entrer dans] [mon profil|mon espace|ma page chez vous][ "
    "depuis hier|].",
    "[La page|Le site] [demande|veut] un [code|mot de passe] [que je n'ai pas|que je n'ai jamais reçu|que j'ai oublié].",
};
constexpr Text kAccountBack[] = {
    "[Mon identifiant|Mon mot de passe] marche [de nouveau|bien].",
    "[J'arrive à me connecter|J'ai pu me connecter] [de nouveau|sans problème].",
    "[Mon compte|Mon profil] est [créé|en ordre|à jour].",
};
constexpr Text kSalesPlain[] = {
    "[Combien coûte|Combien vaut|À combien vendez-vous|Combien coûterait] [{a_item}|un article comme {the_item}|{a_dev}|un lot "
    "de {k} {items}] ?",
    "[Dites-moi|Je voudrais connaître|J'aimerais savoir|Donnez-moi|Merci de me dire] le prix [pour {a_item}|de {k} "
    "{items}|pour {the_item}|de vos {items}].",
    "[Je veux|Nous voulons|J'aimerais|Nous comptons|Je voudrais|Nous souhaitons] [acheter|commander] [{a_item}|{k} {items}|vos "
    "{items}|{a_dev}].",
    "[Je veux|Nous voulons|Je voudrais|Nous voudrions] [acheter|commander] {k} {items}[, quel est le prix ?|, avez-vous une "
    "offre ?|.]",
    "[Avez-vous|Vendez-vous|Proposez-vous] des {items} ?",
    "[Pouvez-vous|Pourriez-vous|Merci de] [m'envoyer|nous envoyer] [une offre|un devis|une liste de prix] pour {k} {items}.",
    "[Y a-t-il|Faites-vous] une remise [pour|sur] {k} {items} ?",
    "[Je m'intéresse à|Nous pensons à] [l'achat d'{a_item}|vos {items}], [pouvez-vous me conseiller|que conseillez-vous|est-ce "
    "en stock] ?",
    "[Quel modèle|Quel appareil] conseillez-vous pour [un petit bureau|une famille|une école] ?",
    "[Puis-je|Peut-on] [voir une démonstration|faire un essai] avant [d'acheter|l'achat] ?",
    "[Avez-vous|Reste-t-il] des {items} [en stock|en magasin|à vendre] ?",
    "[Combien coûtent|Combien valent] {k} {items}[ ensemble|] ?",
    "[Quelles couleurs|Quelles tailles|Quels modèles] [avez-vous|proposez-vous|puis-je choisir] pour {the_item} ?",
    "[Vendez-vous encore|Aurez-vous bientôt|Proposez-vous aussi] des {items} ?",
    "[Pouvez-vous|Pourriez-vous] [me proposer|nous proposer|me vendre|me conseiller] {a_item} [pour mon bureau|à moins de {p} "
    "euros|pour une école] ?",
};
constexpr Text kSalesIndirect[] = {
    "[Mon bureau|Notre école|Mon magasin|Notre équipe|Ma famille|Notre hôtel] [cherche|voudrait|aimerait avoir|pense "
    "acheter|veut un prix pour] [{k} {items}|{a_item}|{a_dev}].",
    "[Y a-t-il|Y aura-t-il|Reste-t-il|Trouve-t-on] [des {items}|encore des {items}|{k} {items}|quelques {items}] [à vendre|en "
    "stock|en magasin|sur votre page] [ce mois-ci|cette année|maintenant] ?",
    "[Nous ouvrons un bureau|Nous équipons une école|Notre équipe grandit] et [il nous faut|il nous faudra] {k} {items}, [que "
    "proposez-vous|combien cela coûterait-il] ?",
    "[Je cherche|Je pense à] {a_item} [en cadeau|pour ma mère|pour le bureau], [qu'avez-vous|que conseillez-vous] ?",
    "[Quelle est la différence|Comment choisir] entre le [petit|premier] modèle et le [grand|deuxième] [avant d'acheter|avant "
    "l'achat] ?",
    "[Est-ce moins cher|Payons-nous moins|Serait-ce moins cher] si nous [prenons|achetons|commandons] {k} {items} [d'un "
    "coup|ensemble] ?",
    "[Avant de choisir|Avant de me décider|Avant d'acheter], [je voudrais connaître le prix|je veux savoir si {the_item} "
    "existe en rouge|je veux savoir si un câble est fourni].",
    "[Aurez-vous|Quand aurez-vous] des {items} [en magasin|en stock] [bientôt|ce mois-ci] ?",
    "[Mon budget est de|Je peux dépenser|Nous avons] {p} euros pour des {items}, [que conseillez-vous|que puis-je avoir|est-ce "
    "assez] ?",
    "[J'ai vu|Nous avons vu] {the_item} [en vitrine|sur votre page|dans votre catalogue], [quel est le prix|est-ce encore à "
    "vendre|en avez-vous d'autres] ?",
};
constexpr Text kSalesBack[] = {
    "[J'ai acheté|Nous avons acheté] {a_item} [chez vous|dans votre magasin] [l'an dernier|au printemps].",
    "[Votre offre|La liste de prix] pour les {items} [était claire|est vite arrivée].",
    "[J'aime beaucoup|Nous aimons bien] {the_item} [de votre magasin|de cette année].",
};
constexpr Text kCancelPlain[] = {
    "[Merci de|Veuillez|Je vous demande de|Nous vous demandons de|Pouvez-vous] [résilier|supprimer|stopper|terminer] [mon "
    "abonnement|mon contrat|ma réservation|ma commande|ma formule|l'abonnement].",
    "[Je veux|Je voudrais|Je souhaite|Nous voulons] [annuler|résilier|arrêter|stopper] [mon abonnement|ma commande|mon "
    "contrat|la formule|la réservation][ par e-mail| en ligne|].",
    "[Je veux|Je voudrais|Je souhaite|Nous voulons] annuler [ma commande|la commande {n}|notre réservation|mon abonnement].",
    "[Pouvez-vous |Pourriez-vous |Merci d'|Veuillez ]annuler [la commande {n}|ma commande|mon abonnement|ma réservation].",
    "[Comment|Où] [annuler ma commande|résilier mon abonnement|résilier mon contrat|annuler ma réservation] ?",
    "[Je résilie|Nous résilions] [mon abonnement|le contrat|notre abonnement] [aujourd'hui|à la fin du mois|maintenant].",
    "[Annulez|Merci d'annuler] [ma commande|la commande {n}] [tout de suite|aujourd'hui|maintenant][, merci|].",
    "[Est-il encore possible d'|Est-il trop tard pour |Puis-je encore |Peut-on encore ]annuler [la commande {n}|ma commande] ?",
    "[Je veux|Je voudrais] [mettre fin à|résilier] mon [abonnement|contrat].",
    "[Je ne veux plus|Nous ne voulons plus] de [la commande {n}|ma commande|mon abonnement], [merci d'annuler.|comment annuler "
    "?|je souhaite annuler.]",
    "[Quel délai faut-il|Combien de jours faut-il] pour [résilier|arrêter] [mon contrat|mon abonnement|la formule] ?",
    "[Puis-je|Peut-on|Pouvons-nous] [annuler|arrêter|résilier] [mon abonnement|le contrat|la réservation] [en ligne|par "
    "e-mail|ce mois-ci] ?",
    "[Quand|Quel jour] [se termine mon abonnement|prend fin mon contrat|s'arrête la formule] si je résilie "
    "[maintenant|aujourd'hui|cette semaine] ?",
};
constexpr Text kCancelIndirect[] = {
    "[Je n'ai plus besoin de|Nous n'avons plus besoin de|Je ne veux plus de|Nous n'utilisons plus] [mon abonnement|la "
    "formule|la commande {n}|ma réservation|mon contrat][ après ce mois|], [merci d'arrêter|merci de tout stopper|ne "
    "renouvelez pas|mettez-y fin].",
    "[J'ai changé d'avis|Je n'en ai plus besoin|Nous avons trouvé ailleurs], [n'envoyez pas {the_item}|laissez tomber la "
    "commande {n}|oubliez la commande {n}].",
    "[Je ne veux pas|Nous ne voulons pas] [renouveler|continuer|prolonger] [l'abonnement|le contrat|la formule].",
    "[Merci d'arrêter|Veuillez arrêter] [ma formule mensuelle|la formule annuelle|l'abonnement] [après ce mois|avant le "
    "renouvellement|dès que possible].",
    "[J'ai commandé|J'ai réservé] [par erreur|deux fois par erreur|trop vite], [retirez la commande {n} de la liste|ne "
    "préparez pas la commande {n}].",
    "[Nous ne viendrons pas|Nous ne pouvons pas venir|Le voyage tombe à l'eau], [retirez notre réservation|vous pouvez "
    "supprimer notre réservation].",
    "[Ma formule se termine|Mon contrat se termine] en [mai|juin|mars|automne] et [je ne veux pas renouveler|je ne souhaite "
    "pas continuer|cela doit s'arrêter là].",
    "[N'envoyez pas|Merci de ne pas envoyer|Inutile d'envoyer] [{the_item}|la commande {n}], [je n'en ai plus besoin|j'ai "
    "trouvé ailleurs|c'était une erreur].",
    "[Arrêtez|Merci d'arrêter] [tout|la commande|la commande {n}], [nous avons changé d'avis|j'ai commandé par erreur|le "
    "voyage tombe à l'eau|je n'en ai pas besoin].",
};
constexpr Text kCancelBack[] = {
    "[J'ai annulé|Nous avons annulé] [une autre commande|un ancien abonnement] [l'an dernier|en mai], [c'est fait|cela s'est "
    "bien passé].",
    "[L'ancien abonnement|L'ancien contrat] [est résilié|est terminé], [comme prévu|tout va bien].",
};
constexpr Text kComplaintPlain[] = {
    "[Votre employé|Votre collègue|Votre conseiller|L'homme au guichet|Votre vendeur|Votre directeur] a été [impoli|très "
    "impoli|désagréable|grossier|méprisant|affreux|sans respect] avec [moi|nous|ma femme|ma mère|mon père|mes enfants].",
    "[Je veux|Je voudrais|Je souhaite|J'aimerais] [faire une réclamation|déposer une plainte|me plaindre] [au sujet de "
    "l'accueil|au sujet de votre personnel|au sujet de vos vendeurs|au sujet d'un employé|à votre directeur].",
    "[Je veux|Je voudrais|Je souhaite] [faire une réclamation|me plaindre][ de votre service| de votre personnel|].",
    "[Votre employé|Votre collègue|L'homme au téléphone|Votre conseiller] a été [très impoli|impoli|désagréable|grossier] avec "
    "moi.",
    "[Je suis|Vraiment, je suis] [très mécontent|très mécontente|furieux|furieuse] de votre [service|personnel|société].",
    "[Votre service|Votre service client|L'accueil chez vous] est [lamentable|très mauvais|une honte|affreux].",
    "C'est le pire service [que j'aie jamais vu|de ma vie].",
    "[Je veux|Je voudrais] parler au [directeur|responsable] [de votre personnel|de la façon dont on m'a traité|de ce mauvais "
    "accueil].",
    "[Personne|Personne chez vous] [ne respecte les clients|n'écoute les clients|n'est poli], je suis [en colère|très "
    "mécontent].",
    "[J'écris pour me plaindre|Je dois me plaindre|Je tiens à me plaindre] [de votre personnel|de l'homme au téléphone|de "
    "votre service client|de la façon dont on m'a traité].",
    "[Vos employés|Vos vendeurs|Vos collègues] [en magasin|au guichet|au téléphone] ont été [grossiers|très "
    "impolis|désagréables|affreux] avec [moi|nous|ma mère].",
    "[Quel|Vraiment, quel] [mauvais accueil|service affreux|manque de respect][, je suis en colère.| !]",
    "[À qui|À quel directeur] [parler|m'adresser] au sujet [de la dame impolie au téléphone|de l'homme qui m'a crié "
    "dessus|d'un si mauvais service] ?",
};
constexpr Text kComplaintIndirect[] = {
    "[Votre caissier|Votre vendeuse|La dame au téléphone|L'homme au téléphone|Votre employé|Le directeur] a "
    "[insulté|ignoré|humilié|bousculé|renvoyé] [ma femme|ma mère|mon fils|mon père|ma fille][ sans raison| devant tout le "
    "monde|].",
    "[Personne|Aucun client|Aucun être humain] ne [devrait être|veut être|mérite d'être] [traité|accueilli|reçu] [ainsi|si "
    "mal|avec si peu de respect|de cette façon].",
    "[La dame|Votre vendeuse|La personne] [au guichet|au téléphone|dans votre magasin] [s'est moquée de moi|m'a crié "
    "dessus|m'a raccroché au nez|m'a traité d'idiot].",
    "[On ne m'a jamais traité|Personne ne devrait être traité|Ma mère a été traitée] [ainsi|si mal|avec si peu de respect].",
    "[Votre collègue|Votre employé|Votre vendeur] [m'a insulté|a manqué de politesse|a manqué de respect], [j'attends des "
    "excuses|parlez à cette personne].",
    "[J'attends|J'exige|Nous attendons] des excuses [de votre directeur|de votre société|pour la façon dont on m'a traité].",
    "[J'ai attendu une heure|J'ai fait la queue une heure] et puis [votre personnel m'a ignoré|votre collègue a raccroché|on "
    "m'a renvoyé chez moi], [c'est une honte|quel scandale].",
    "Je vais [dire à tous|raconter à mes amis|écrire au journal|dire partout] [comment votre personnel traite les "
    "clients|comment votre équipe se conduit|que votre équipe se moque des clients].",
    "[Elle|La dame|La vendeuse] a [été impolie|crié|ri de moi] quand j'ai [demandé de l'aide|posé une question|demandé le "
    "directeur].",
    "[Chez vous|Avec vous], on se sent [insulté|ignoré|mal traité] par [votre équipe|votre personnel|la personne au "
    "téléphone].",
};
constexpr Text kComplaintBack[] = {
    "[Votre personnel|Votre collègue au téléphone|Votre employé] a été [très gentil|aimable|poli].",
    "Je suis [content|très content|ravi] de votre [service|équipe].",
};

constexpr RouteWords kWords = {kInstructions,
                               kGreetings,
                               kSmallTalk,
                               kTurns,
                               kClosings,
                               {{{kBillingPlain, kBillingIndirect, kBillingBack},
                                 {kShippingPlain, kShippingIndirect, kShippingBack},
                                 {kReturnsPlain, kReturnsIndirect, kReturnsBack},
                                 {kTechnicalPlain, kTechnicalIndirect, kTechnicalBack},
                                 {kAccountPlain, kAccountIndirect, kAccountBack},
                                 {kSalesPlain, kSalesIndirect, kSalesBack},
                                 {kCancelPlain, kCancelIndirect, kCancelBack},
                                 {kComplaintPlain, kComplaintIndirect, kComplaintBack}}}};

}  // namespace

const RouteWords& french_route() { return kWords; }

}  // namespace sobre::office

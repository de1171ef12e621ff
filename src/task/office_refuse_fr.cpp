#include "task/office_refuse.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kRequests[] = {
    "[Écris|Compose|Peux-tu écrire|Écrivez|Invente] [un poème|une chanson|une petite histoire|un conte|un haïku] sur [la "
    "mer|le printemps|mon chat|{town}|l'amour|la lune|{name}].",
    "[Raconte|Connais-tu|Dis-moi|Je veux entendre] [une blague|une histoire drôle|une devinette|une bonne blague][ sur les "
    "chats| pour les enfants|][.| ?|, merci.]",
    "[Quel temps fait-il|Quel temps fera-t-il|Dis-moi le temps qu'il fait] [à {town}|demain|aujourd'hui|ce week-end|dehors][.| "
    "?]",
    "[J'ai|Mon fils a|Ma femme a|Mon père a] [de la fièvre|mal à la tête|de la toux|mal au dos|des boutons|mal à la gorge], "
    "[que faut-il prendre|quel médicament aide|est-ce grave|que faire] ?",
    "[Traduis|Peux-tu traduire|Traduisez] [« bonjour »|« merci »|« je t'aime »|« le chat dort »|ce mot : maison] en "
    "[allemand|espagnol|italien|chinois|russe|anglais].",
    "[Écris|Montre-moi|Donne-moi|Il me faut|Peux-tu écrire] [un programme Python|une fonction en C|du code Java|un script|une "
    "requête SQL|une page web] [qui trie une liste|qui lit un fichier|pour mon site|qui compte les mots|pour dessiner un "
    "cercle].",
    "[Qui est|Qui était|Parle-moi du personnage suivant :|Que sais-tu sur] [le président de la France|le roi "
    "d'Espagne|Napoléon|Mozart|Einstein|le premier homme sur la lune|Cléopâtre][.| ?]",
    "[Quelle est|Connais-tu|Dis-moi] la capitale [de l'Espagne|du Japon|du Brésil|du Kenya|de la Norvège|du Canada|de "
    "l'Égypte|du Pérou][.| ?]",
    "[Pour qui|Pour quel parti] [dois-je|faut-il|devons-nous] voter[ aux prochaines élections| cette année| dimanche|] ?",
    "[Que penses-tu|Quel est ton avis au sujet|Que pensez-vous] [du gouvernement|des impôts|du nucléaire|de la guerre|de "
    "l'immigration|de l'élection] ?",
    "[Donne-moi|Il me faut|As-tu|Je cherche] une recette de [crêpes|tarte aux pommes|soupe de légumes|pizza|pain|gâteau au "
    "chocolat][.| ?|, merci.]",
    "[Bonjour|Salut|Coucou|Bonsoir|Hé|Bien le bonjour][ !|.| {name} !| à toi !| à vous !][ Comment vas-tu ?| Comment "
    "allez-vous ?| Ça va ?| Quoi de neuf ?| Ravi de te connaître.|]",
    "[Comment vas-tu|Es-tu content|Es-tu un humain|Es-tu réel|Est-ce que tu dors|Quel âge as-tu|Comment t'appelles-tu|Qui t'a "
    "créé|Aimes-tu la musique][ aujourd'hui|, dis-moi|] ?",
    "Je suis [triste|tout seul|amoureux|fatigué|en colère|toute seule] [aujourd'hui|ces jours-ci|encore une fois], "
    "[parle-moi|remonte-moi le moral|que faire|discutons un peu].",
    "[Quelles actions|Quels titres|Quelles monnaies] dois-je [acheter|vendre][ maintenant| cette année|] ?",
    "[Puis-je|Comment puis-je|Est-ce que je dois] [attaquer mon propriétaire en justice|divorcer|contester une amende|écrire "
    "un testament|aller au tribunal], [que dit la loi|quels sont mes droits|quel est ton conseil juridique] ?",
    "[Prévois|Propose|Réserve|Trouve] [un voyage|des vacances|un hôtel|un vol|un week-end] à [{town}|Rome|la "
    "montagne|Athènes][ pour deux| pour nous|][.|, merci.]",
    "[Dessine|Peins|Montre-moi|Fais] [une image|une photo|un dessin|un logo] [d'un chien|d'un château|de la mer|de mon "
    "magasin|d'une fleur].",
    "[Conseille-moi|Propose|Cite|Recommande] [un bon livre|un film|une chanson|un restaurant|un jeu|une série] [pour ce "
    "soir|pour ma mère|pour les enfants|à {town}|s'il te plaît].",
    "[Joue|Chante|Mets] [une chanson|de la musique|ma chanson préférée|un air de Bach][, merci|].",
    "[Pourquoi le ciel est-il bleu|Comment volent les avions|À quelle distance est la lune|Qu'est-ce que la gravité|Comment "
    "marchent les aimants|Pourquoi les chats ronronnent-ils|Qu'est-ce que l'ADN|Quel âge a la Terre] ?[ Explique simplement.| "
    "Explique.| Dis-moi.|]",
    "[Aide-moi à faire|Fais|Écris] [ma rédaction d'histoire|mon devoir de biologie|mon exposé|mon discours|ma lettre de "
    "motivation|mon journal][ sur {town}| pour demain|][.|, merci.]",
    "[Qui a gagné le|Quel est le score du|Quand a lieu le] [match de football|dernier match|tournoi de tennis|grand prix] ?",
    "[Jouons à|Veux-tu jouer à|On joue à] [un jeu|une devinette|cache-cache|la belote|un jeu de cartes][.| ?| !]",
    "[Mets|Règle|Prépare] [une alarme|un minuteur|un rappel] [pour sept heures|pour dix minutes|pour demain][.|, merci.]",
    "[Ouvre|Ferme|Supprime|Imprime] [la porte|le fichier|la fenêtre|mon dossier|tous les fichiers][ maintenant|, merci|].",
};
constexpr Text kSmallTalk[] = {
    "[J'ai une question|J'ai besoin de ton aide|Rien à voir avec le travail|Entre nous|Au fait].",
    "[Mon collègue|Mon amie|Ma sœur] [dit|pense|m'a dit] que tu [sais tout|peux tout faire|es malin].",
    "[La journée est longue|C'est la pause|J'ai un peu de temps|Le bureau est calme] [aujourd'hui|maintenant].",
    "[Fais vite|Prends ton temps|Sois honnête|Sois bref][, merci|].",
    "[Je travaille à|J'habite à|Je reviens à|Ma famille vit à] {town}.",
};
constexpr Text kOnMessage[] = {
    "[Traduis|Merci de traduire|Peux-tu traduire] [ceci|ce texte|le texte suivant] en [allemand|espagnol|italien|anglais] : "
    "{text}",
    "[Résume|Résumez|Raccourcis] [ceci|ce texte|le texte suivant][ en une phrase| en cinq mots|] : {text}",
    "[Écris|Rédige|Prépare] [une réponse|une réponse polie|une lettre|une réponse aimable] à [ceci|ce message|ce texte] : "
    "{text}",
    "Corrige [l'orthographe|la grammaire|les fautes|les virgules] dans [ceci|ce texte|le texte suivant] : {text}",
    "[Mets|Transforme|Réécris] [ceci|ce texte|le texte suivant] [en poème|en chanson|comme un pirate|en vers] : {text}",
    "{text}\n[Traduis cela|Mets cela|Dis cela] en [allemand|espagnol|italien|anglais].",
    "{text}\n[Écris une réponse|Rédige une réponse|Résume cela|Corrige l'orthographe|Rends cela plus joli|Fais des rimes][.|, "
    "merci.]",
    "[L'auteur de ceci est-il|La personne qui écrit est-elle] [aimable|jeune ou âgée|sincère|calme|triste] ? {text}",
    "Combien de [mots|lettres|virgules|voyelles] [y a-t-il ici|y a-t-il dans ce texte|contient ce texte] : {text}",
};
constexpr RefuseWords kWords = {kRequests, kSmallTalk, kOnMessage,
                                "Désolé, je ne sais pas faire cela : je ne connais que mes six tâches de bureau."};

}  // namespace

const RefuseWords& french_refuse() { return kWords; }

}  // namespace sobre::office

export default `
Nous sommes là pour vous
Connexion…
Reconnexion…
Mise en relation…
Mise en relation avec $1…
Avec $1
Quelqu'un va vous rejoindre…
Un instant…
Vous êtes numéro $1
one=Vous êtes numéro $1, environ $2 minute|other=Vous êtes numéro $1, environ $2 minutes
Dans la file d'attente de $1
$1 a rejoint la conversation
$1 a dû partir. C'est bientôt votre tour.
Vous êtes transféré à $1
Vous êtes maintenant avec $1
Vous avez mis fin à la conversation
La conversation est terminée
La conversation s'est terminée faute de messages
La conversation est terminée : nous sommes fermés
La conversation a été fermée par le serveur
Conversation terminée
Nouvelle conversation
Cette conversation continue ailleurs.
Cette conversation continue chez $1.
Cette conversation continue dans une autre fenêtre.
Continuer ici
La messagerie ne peut pas être utilisée sur cette page.
La messagerie a été mise à jour. Veuillez recharger la page.
Ce message est trop long. Veuillez l'envoyer en plusieurs parties.
Trop de messages attendent d'être envoyés. Veuillez attendre la connexion.
Un instant : vous êtes mis en relation. Votre message n'a pas encore été envoyé.
La conversation précédente n'est plus disponible. Veuillez en commencer une nouvelle.
Vous êtes toujours avec nous : les autres étaient injoignables.
La conversation n'a pas pu continuer ici.
Les fichiers de ce type ou de cette taille ne peuvent pas être envoyés ici.
Le fichier n'a pas pu être envoyé. Veuillez réessayer dans un instant.
Le dernier message n'a pas pu être remis.
Ouvrir la messagerie
Plus
Terminer la conversation
Fermer la fenêtre
Comment pouvons-nous vous aider ?
Sujet
Votre nom
E-mail
facultatif
Votre question
Commencer
Conversation
écrit
Envoi du fichier…
Fichiers à envoyer
Envoyer un fichier
Écrire un message
Envoyer
Envoi…
Envoyé
Lu
Non remis
Son
Enregistrer la conversation
Vous
Émoji
`;

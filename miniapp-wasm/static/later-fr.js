export default `
Laisser un message
Merci. Nous vous écrirons.
Personne n’est disponible pour le moment. Laissez un message avec votre adresse e-mail et nous vous répondrons par e-mail.
Le message n’a pas pu être envoyé. Veuillez réessayer dans un instant.
Trop de messages ont été laissés d’ici. Veuillez réessayer dans une heure.
Envoyer la conversation par e-mail
La conversation vous a été envoyée.
L’envoi est impossible pour le moment.
Pendant que vous attendez
Offre
Questions et réponses
Chercher dans les questions
Aucun résultat
En savoir plus
Pages
Ce que nous savons de vous
Corrigez ce qui est faux. La personne qui vous répondra le lira.
Corriger
Merci. C’est noté.
Inutile d’attendre : laissez un message et nous vous répondrons par e-mail.
Comment était-ce ?
Très mauvais
Mauvais
Correct
Bien
Très bien
Souhaitez-vous ajouter quelque chose ?
Merci pour votre réponse.
Le chat n’est pas accessible d’ici.
L’ouvrir dans sa propre fenêtre
Votre message
Inutile d’attendre : laissez votre numéro de téléphone et nous vous rappellerons.
Numéro de téléphone
Me faire rappeler
Merci. Nous vous appellerons.
Votre interlocuteur voit ce que vous écrivez avant l’envoi.
`;

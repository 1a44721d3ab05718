export default `
Lascia un messaggio
Grazie. Le scriveremo.
Al momento non c’è nessuno. Lasci un messaggio con il Suo indirizzo e-mail e Le risponderemo per e-mail.
Non è stato possibile inviare il messaggio. Riprovi tra un momento.
Da qui sono stati lasciati troppi messaggi. Riprovi tra un’ora.
Invia la conversazione per e-mail
La conversazione è in arrivo.
Ora non è possibile inviarla.
Durante l’attesa
Offerta
Domande e risposte
Cerca tra le domande
Nessun risultato
Per saperne di più
Pagine
Che cosa sappiamo di Lei
Corregga ciò che non è giusto. Chi Le risponderà lo leggerà.
Correggi
Grazie. È stato annotato.
Non deve aspettare: lasci un messaggio e Le risponderemo per e-mail.
Com’è andata?
Molto male
Male
Così così
Bene
Molto bene
Vuole aggiungere qualcosa?
Grazie per la risposta.
La chat non è raggiungibile da qui.
Aprirla in una finestra propria
Il Suo messaggio
Non deve aspettare: lasci il Suo numero di telefono e La richiameremo.
Numero di telefono
Richiamatemi
Grazie. La chiameremo.
L’operatore vede ciò che scrive prima dell’invio.
`;

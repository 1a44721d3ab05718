export default `
Siamo qui per lei
Connessione…
Riconnessione…
La stiamo collegando…
La stiamo collegando con $1…
Con $1
Tra poco le risponderà qualcuno…
Un momento…
È il numero $1
one=È il numero $1, circa un minuto|other=È il numero $1, circa $2 minuti
In coda per $1
$1 è in linea
$1 è dovuto uscire. Lei è il prossimo.
La stiamo passando a $1
Ora è con $1
Ha terminato la chat
La chat è stata terminata
La chat è terminata dopo un periodo senza messaggi
La chat è terminata: ora siamo chiusi
La chat è stata chiusa dal server
Chat terminata
Nuova chat
Questa conversazione continua altrove.
Questa conversazione continua presso $1.
Questa chat continua in un'altra finestra.
Continua qui
La chat non può essere usata in questa pagina.
La chat è stata aggiornata. Ricarichi la pagina.
Il messaggio è troppo lungo. Lo invii in più parti.
Troppi messaggi in attesa di invio. Attenda la connessione.
Un momento: la stiamo collegando. Il messaggio non è ancora stato inviato.
La chat precedente non è più disponibile. Ne inizi una nuova.
È ancora con noi: gli altri non erano raggiungibili.
La chat non può continuare qui.
Qui non si possono inviare file di questo tipo o dimensione.
Non è stato possibile inviare il file. Riprovi tra poco.
L'ultimo messaggio non è stato consegnato.
Apri la chat
Altro
Termina la chat
Chiudi la finestra della chat
Come possiamo aiutarla?
Argomento
Il suo nome
E-mail
facoltativo
La sua domanda
Inizia la chat
Conversazione
sta scrivendo
Invio del file…
File da inviare
Invia un file
Scriva un messaggio
Invia
Invio…
Inviato
Letto
Non consegnato
Suono
Salva la conversazione
Lei
Emoji
`;

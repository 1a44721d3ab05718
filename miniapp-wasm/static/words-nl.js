export default `
We helpen u graag
Verbinden…
Opnieuw verbinden…
U wordt verbonden…
U wordt verbonden met $1…
Met $1
Er komt zo iemand bij u…
Een ogenblik…
U bent nummer $1
one=U bent nummer $1, ongeveer een minuut|other=U bent nummer $1, ongeveer $2 minuten
In de wachtrij voor $1
$1 is er nu
$1 moest weg. U bent als volgende aan de beurt.
U wordt doorverbonden met $1
U bent nu bij $1
U hebt de chat beëindigd
De chat is beëindigd
De chat is beëindigd na een tijd zonder bericht
De chat is beëindigd: we zijn nu gesloten
De chat is door de server beëindigd
Chat beëindigd
Nieuwe chat
Dit gesprek gaat elders verder.
Dit gesprek gaat verder bij $1.
Deze chat gaat verder in een ander venster.
Hier verdergaan
De chat kan op deze pagina niet worden gebruikt.
De chat is bijgewerkt. Laad de pagina opnieuw.
Dit bericht is te lang. Stuur het in delen.
Er wachten te veel berichten op verzending. Wacht tot u verbonden bent.
Een ogenblik: u wordt verbonden. Uw bericht is nog niet verzonden.
De eerdere chat is niet meer beschikbaar. Begin een nieuwe.
U bent nog steeds bij ons: de anderen waren niet bereikbaar.
De chat kon hier niet worden voortgezet.
Bestanden van deze soort of grootte kunnen hier niet worden verzonden.
Het bestand kon niet worden verzonden. Probeer het zo nog eens.
Het laatste bericht kon niet worden bezorgd.
Chat openen
Meer
Chat beëindigen
Chatvenster sluiten
Hoe kunnen we u helpen?
Onderwerp
Uw naam
E-mail
optioneel
Uw vraag
Chat beginnen
Gesprek
is aan het typen
Het bestand wordt verzonden…
Te verzenden bestanden
Bestand verzenden
Schrijf een bericht
Verzenden
Wordt verzonden…
Verzonden
Gelezen
Niet bezorgd
Geluid
Gesprek opslaan
U
Emoji
`;

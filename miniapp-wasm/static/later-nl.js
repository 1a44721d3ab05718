export default `
Bericht achterlaten
Dank u. We schrijven u.
Er is op dit moment niemand. Laat een bericht achter met uw e-mailadres, dan antwoorden we per e-mail.
Het bericht kon niet worden verzonden. Probeer het zo nog eens.
Er zijn hier te veel berichten achtergelaten. Probeer het over een uur nog eens.
Gesprek per e-mail sturen
Het gesprek is naar u onderweg.
Dat lukt nu niet.
Terwijl u wacht
Aanbieding
Vragen en antwoorden
Zoeken in de vragen
Niets gevonden
Meer lezen
Pagina’s
Wat we van u weten
Verbeter wat niet klopt. Wie u te woord staat, leest het.
Verbeteren
Dank u. Het is genoteerd.
U hoeft niet te wachten: laat een bericht achter, dan antwoorden we per e-mail.
Hoe was het?
Heel slecht
Slecht
Redelijk
Goed
Heel goed
Wilt u nog iets toevoegen?
Dank u voor uw antwoord.
De chat is van hieruit niet bereikbaar.
In een eigen venster openen
Uw bericht
U hoeft niet te wachten: laat uw telefoonnummer achter, dan bellen we u terug.
Telefoonnummer
Bel mij terug
Dank u. We bellen u.
De medewerker ziet wat u schrijft voordat u het verstuurt.
`;

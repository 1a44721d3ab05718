export default `
Nachricht hinterlassen
Danke. Wir schreiben Ihnen.
Gerade ist niemand da. Hinterlassen Sie eine Nachricht mit Ihrer E-Mail-Adresse, und wir antworten per E-Mail.
Die Nachricht konnte nicht gesendet werden. Bitte versuchen Sie es gleich noch einmal.
Von hier kamen zu viele Nachrichten. Bitte versuchen Sie es in einer Stunde noch einmal.
Gespräch per E-Mail senden
Das Gespräch ist unterwegs zu Ihnen.
Das geht gerade nicht.
Während Sie warten
Angebot
Fragen und Antworten
Fragen durchsuchen
Nichts gefunden
Mehr dazu
Seiten
Was wir über Sie wissen
Bitte berichtigen Sie, was nicht stimmt. Wer dazukommt, liest es.
Berichtigen
Danke. Es ist vermerkt.
Sie müssen nicht warten: Hinterlassen Sie eine Nachricht, und wir antworten per E-Mail.
Wie war es?
Sehr schlecht
Schlecht
In Ordnung
Gut
Sehr gut
Möchten Sie noch etwas sagen?
Danke für Ihre Antwort.
Der Chat ist von hier nicht erreichbar.
In einem eigenen Fenster öffnen
Ihre Nachricht
Sie müssen nicht warten: Hinterlassen Sie Ihre Telefonnummer, und wir rufen Sie zurück.
Telefonnummer
Rückruf anfordern
Danke. Wir rufen Sie an.
Ihr Gegenüber sieht, was Sie schreiben, schon bevor Sie es senden.
`;

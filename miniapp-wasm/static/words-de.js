export default `
Wir sind für Sie da
Verbindung wird hergestellt…
Verbindung wird wiederhergestellt…
Sie werden verbunden…
Sie werden mit $1 verbunden…
Im Gespräch mit $1
Gleich ist jemand für Sie da…
Einen Moment…
Sie sind Nummer $1
one=Sie sind Nummer $1, etwa eine Minute|other=Sie sind Nummer $1, etwa $2 Minuten
In der Warteschlange für $1
$1 ist jetzt da
$1 musste weg. Sie sind als Nächstes an der Reihe.
Sie werden an $1 weitergegeben
Sie sind jetzt bei $1
Sie haben den Chat beendet
Der Chat wurde beendet
Der Chat endete nach längerer Zeit ohne Nachricht
Der Chat ist zu Ende: Wir haben jetzt geschlossen
Der Chat wurde vom Server beendet
Chat beendet
Neuen Chat beginnen
Dieses Gespräch geht anderswo weiter.
Dieses Gespräch geht bei $1 weiter.
Dieser Chat geht in einem anderen Fenster weiter.
Hier fortsetzen
Der Chat kann auf dieser Seite nicht benutzt werden.
Der Chat wurde aktualisiert. Bitte laden Sie die Seite neu.
Diese Nachricht ist zu lang. Bitte senden Sie sie in Teilen.
Zu viele Nachrichten warten darauf, gesendet zu werden. Bitte warten Sie, bis die Verbindung steht.
Einen Moment: Sie werden verbunden. Ihre Nachricht wurde noch nicht gesendet.
Der frühere Chat ist nicht mehr verfügbar. Bitte beginnen Sie einen neuen.
Sie sind weiterhin bei uns: Die anderen waren nicht erreichbar.
Der Chat konnte hier nicht fortgesetzt werden.
Dateien dieser Art oder Größe können hier nicht gesendet werden.
Die Datei konnte nicht gesendet werden. Bitte versuchen Sie es gleich noch einmal.
Die letzte Nachricht konnte nicht zugestellt werden.
Chat öffnen
Mehr
Chat beenden
Chatfenster schließen
Wie können wir helfen?
Thema
Ihr Name
E-Mail
freiwillig
Ihre Frage
Chat beginnen
Gespräch
schreibt
Die Datei wird gesendet…
Dateien zum Senden
Datei senden
Nachricht schreiben
Senden
Wird gesendet…
Gesendet
Gelesen
Nicht zugestellt
Ton
Gespräch speichern
Sie
Emoji
`;

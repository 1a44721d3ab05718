export default `
Chętnie pomożemy
Łączenie…
Ponowne łączenie…
Łączymy…
Łączymy z: $1…
Rozmowa: $1
Zaraz ktoś się zgłosi…
Chwileczkę…
Numer w kolejce: $1
one=Numer w kolejce: $1, około minuty|few=Numer w kolejce: $1, około $2 minut|many=Numer w kolejce: $1, około $2 minut|other=Numer w kolejce: $1, około $2 minut
W kolejce: $1
Do rozmowy dołącza: $1
Rozmowę opuszcza: $1. Teraz Państwa kolej.
Rozmowę przejmuje: $1
Teraz rozmowę prowadzi: $1
Czat zakończony przez Państwa
Czat został zakończony
Czat zakończył się po okresie bez wiadomości
Czat zakończony: już nie pracujemy
Czat został zakończony przez serwer
Czat zakończony
Nowy czat
Ta rozmowa toczy się dalej gdzie indziej.
Ta rozmowa toczy się dalej: $1.
Ten czat toczy się dalej w innym oknie.
Kontynuuj tutaj
Na tej stronie nie można użyć czatu.
Czat został zaktualizowany. Proszę odświeżyć stronę.
Wiadomość jest za długa. Proszę wysłać ją w częściach.
Zbyt wiele wiadomości czeka na wysłanie. Proszę poczekać na połączenie.
Chwileczkę: trwa łączenie. Wiadomość nie została jeszcze wysłana.
Poprzedni czat nie jest już dostępny. Proszę rozpocząć nowy.
Rozmowa trwa nadal u nas: z innymi nie było połączenia.
Nie udało się kontynuować czatu tutaj.
Plików tego rodzaju lub rozmiaru nie można tu wysłać.
Nie udało się wysłać pliku. Proszę spróbować za chwilę.
Nie udało się dostarczyć ostatniej wiadomości.
Otwórz czat
Więcej
Zakończ czat
Zamknij okno czatu
W czym możemy pomóc?
Temat
Imię
E-mail
opcjonalnie
Pytanie
Rozpocznij czat
Rozmowa
pisze
Wysyłanie pliku…
Pliki do wysłania
Wyślij plik
Napisz wiadomość
Wyślij
Wysyłanie…
Wysłano
Przeczytano
Nie dostarczono
Dźwięk
Zapisz rozmowę
Ja
Emoji
`;

export default `
Zostaw wiadomość
Dziękujemy. Napiszemy do Ciebie.
W tej chwili nikogo nie ma. Zostaw wiadomość i adres e-mail, a odpowiemy e-mailem.
Nie udało się wysłać wiadomości. Spróbuj ponownie za chwilę.
Zostawiono stąd zbyt wiele wiadomości. Spróbuj ponownie za godzinę.
Wyślij rozmowę e-mailem
Rozmowa jest w drodze do Ciebie.
Teraz nie można jej wysłać.
Podczas oczekiwania
Oferta
Pytania i odpowiedzi
Szukaj w pytaniach
Nic nie znaleziono
Więcej
Strony
Co o Tobie wiemy
Popraw to, co się nie zgadza. Przeczyta to osoba, która dołączy.
Popraw
Dziękujemy. Zanotowano.
Nie musisz czekać: zostaw wiadomość, a odpowiemy e-mailem.
Jak było?
Bardzo źle
Źle
W porządku
Dobrze
Bardzo dobrze
Czy chcesz coś dodać?
Dziękujemy za odpowiedź.
Czat jest stąd niedostępny.
Otwórz w osobnym oknie
Twoja wiadomość
Nie musisz czekać: zostaw numer telefonu, a oddzwonimy.
Numer telefonu
Proszę o telefon
Dziękujemy. Zadzwonimy do Ciebie.
Konsultant widzi, co piszesz, zanim to wyślesz.
`;

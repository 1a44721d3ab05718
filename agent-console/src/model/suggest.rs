//! What in a text an agent may want to blacken before it leaves: card numbers, account numbers (IBAN), e-mail
//! addresses, telephone numbers. Suggestions, not decisions: the agent sees each and takes or leaves it.

use crate::tongue::t;
use std::ops::Range;

/// What a passage looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A payment card's number, whose last digit fits the others (Luhn, ISO/IEC 7812-1).
    Card,
    /// An account number, whose check digits fit (ISO 13616).
    Iban,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

impl Kind {
    /// As an agent reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Card => t("card number"),
            Self::Iban => t("account number"),
            Self::Email => t("e-mail address"),
            Self::Phone => t("telephone number"),
        }
    }
}

/// A passage worth a second look, in Unicode scalar values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What it looks like.
    pub kind: Kind,
    /// Where it is.
    pub at: Range<u32>,
}

/// Answers where a passage that begins here ends.
type Finder = fn(&[char], usize) -> Option<usize>;

/// The surest first: what it takes is no longer looked at.
const FINDERS: [(Kind, Finder); 4] =
    [(Kind::Email, email), (Kind::Iban, iban), (Kind::Card, card), (Kind::Phone, phone)];

/// Every such passage, in the order of the text. None overlaps another: the surer kind wins.
#[must_use]
pub fn passages(text: &str) -> Vec<Passage> {
    let letters: Vec<char> = text.chars().collect();
    let mut found: Vec<(Kind, Range<usize>)> = Vec::new();
    for (kind, finder) in FINDERS {
        let mut at = 0;
        while at < letters.len() {
            let end = starts(&letters, at).then(|| finder(&letters, at)).flatten();
            let free = |range: &Range<usize>| {
                found.iter().all(|(_, other)| range.end <= other.start || other.end <= range.start)
            };
            match end.map(|end| at..end).filter(free) {
                Some(range) => {
                    at = range.end;
                    found.push((kind, range));
                }
                None => at += 1,
            }
        }
    }
    found.sort_by_key(|(_, range)| range.start);
    let small = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    found.into_iter().map(|(kind, at)| Passage { kind, at: small(at.start)..small(at.end) }).collect()
}

/// A passage begins where no word goes on.
fn starts(letters: &[char], at: usize) -> bool {
    at == 0 || !letters[at - 1].is_alphanumeric()
}

/// The letters from here on that fit, of which single separators may stand between two.
fn run(letters: &[char], from: usize, fits: impl Fn(char) -> bool, between: &str) -> Vec<(usize, char)> {
    let mut taken: Vec<(usize, char)> = Vec::new();
    for (at, letter) in letters.iter().enumerate().skip(from) {
        let adjacent = taken.last().is_none_or(|(last, _)| at - last <= 2);
        if fits(*letter) && adjacent {
            taken.push((at, *letter));
        } else if !(between.contains(*letter) && adjacent && !taken.is_empty()) {
            break;
        }
    }
    taken
}

fn ends(letters: &[char], end: usize) -> bool {
    letters.get(end).is_none_or(|letter| !letter.is_alphanumeric())
}

fn card(letters: &[char], from: usize) -> Option<usize> {
    let digits = run(letters, from, |letter| letter.is_ascii_digit(), " -");
    let end = digits.last()?.0 + 1;
    let right = (13..=19).contains(&digits.len()) && digits[0].0 == from && ends(letters, end);
    (right && luhn(digits.iter().filter_map(|(_, digit)| digit.to_digit(10)))).then_some(end)
}

/// Every second digit from the right counts double; the sum of all digits is a multiple of ten.
fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let weighed = digits.rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => digit,
        _ if digit > 4 => 2 * digit - 9,
        _ => 2 * digit,
    });
    let (sum, any) = weighed.fold((0, false), |(sum, any), digit| (sum + digit, any || digit > 0));
    any && sum % 10 == 0
}

fn iban(letters: &[char], from: usize) -> Option<usize> {
    let all = run(letters, from, |letter| letter.is_ascii_alphanumeric(), " ");
    let head: Vec<char> = all.iter().take(4).map(|(_, letter)| *letter).collect();
    let country = head.len() == 4 && head[..2].iter().all(char::is_ascii_alphabetic);
    if !country || !head[2..].iter().all(char::is_ascii_digit) || all[0].0 != from {
        return None;
    }
    // A word may follow after a space: the longest length whose check digits fit counts.
    (15..=34.min(all.len())).rev().find_map(|length| {
        let end = all[length - 1].0 + 1;
        let fits = ends(letters, end) && mod_97(all[..length].iter().map(|(_, letter)| *letter)) == Some(1);
        fits.then_some(end)
    })
}

/// The first four letters at the end, letters as two digits, the whole modulo 97.
fn mod_97(letters: impl Iterator<Item = char> + Clone) -> Option<u32> {
    letters.clone().skip(4).chain(letters.take(4)).try_fold(0, |rest: u32, letter| {
        let value = letter.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    })
}

fn email(letters: &[char], from: usize) -> Option<usize> {
    let local = |letter: char| letter.is_alphanumeric() || "._%+-".contains(letter);
    let domain = |letter: char| letter.is_alphanumeric() || ".-".contains(letter);
    let at = from + letters[from..].iter().take_while(|letter| local(**letter)).count();
    if at == from || letters.get(at) != Some(&'@') {
        return None;
    }
    let mut end = at + 1 + letters[at + 1..].iter().take_while(|letter| domain(**letter)).count();
    // A full stop ends the sentence.
    while end > at + 1 && ".-".contains(letters[end - 1]) {
        end -= 1;
    }
    letters[at + 1..end].contains(&'.').then_some(end)
}

fn phone(letters: &[char], from: usize) -> Option<usize> {
    let first = letters[from];
    let opens = first == '+'
        || first == '0'
        || (first == '(' && letters.get(from + 1).is_some_and(|next| "0+".contains(*next)));
    if !opens {
        return None;
    }
    let digits = run(letters, from, |letter| letter.is_ascii_digit() || "+()".contains(letter), " -./");
    let count = digits.iter().filter(|(_, letter)| letter.is_ascii_digit()).count();
    let end = digits.iter().rev().find(|(_, letter)| letter.is_ascii_digit())?.0 + 1;
    ((7..=15).contains(&count) && ends(letters, end)).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Kind, String)> {
        let cut = |range: &Range<u32>| {
            text.chars().skip(range.start as usize).take((range.end - range.start) as usize).collect()
        };
        passages(text).iter().map(|passage| (passage.kind, cut(&passage.at))).collect()
    }

    #[test]
    fn a4_card_numbers_are_suggested_when_their_last_digit_fits() {
        let text = "Äh, card 4111 1111 1111 1111, please";
        assert_eq!(found(text), [(Kind::Card, "4111 1111 1111 1111".into())]);
        assert_eq!(found("378282246310005"), [(Kind::Card, "378282246310005".into())]);
        assert_eq!(found("5500-0000-0000-0004."), [(Kind::Card, "5500-0000-0000-0004".into())]);
        for none in ["4111 1111 1111 1112", "0000000000000000", "order 123456", "41111111111111111111111"] {
            assert!(found(none).iter().all(|(kind, _)| *kind != Kind::Card), "{none}");
        }
    }

    #[test]
    fn a4_account_numbers_are_suggested_when_their_check_digits_fit() {
        let text = "Refund to DE89 3704 0044 0532 0130 00 or GB82WEST12345698765432 thanks";
        let wanted = ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"];
        assert_eq!(found(text), wanted.map(|it| (Kind::Iban, it.to_owned())));
        assert!(found("DE88 3704 0044 0532 0130 00").iter().all(|(kind, _)| *kind != Kind::Iban));
    }

    #[test]
    fn a4_addresses_and_telephone_numbers_are_suggested() {
        let text = "Mail carla@example.org. Call +49 (30) 1234-5678 or 0170/1234567 by 2026-11-27.";
        let wanted = [
            (Kind::Email, "carla@example.org"),
            (Kind::Phone, "+49 (30) 1234-5678"),
            (Kind::Phone, "0170/1234567"),
        ];
        assert_eq!(found(text), wanted.map(|(kind, it)| (kind, it.to_owned())));
        for none in ["me@home", "@name", "5 or 6 of 10", "v0.1.0", "00"] {
            assert_eq!(found(none), [], "{none}");
        }
    }
}

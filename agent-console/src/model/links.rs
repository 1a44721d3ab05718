//! Addresses in what people have written. Only such are links that lead to a page or to a mail: nothing else is ever
//! clicked by mistake.

const BEGINNINGS: [&str; 3] = ["https://", "http://", "mailto:"];

/// What ends an address.
fn ends(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '<' | '>' | '"')
}

/// What belongs to the sentence when it stands behind an address.
const BEHIND: [char; 9] = ['.', ',', ':', ';', '!', '?', ')', '\'', '”'];

/// The parts of a text in their order, each with whether it is an address.
#[must_use]
pub fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(at) = next(&rest[from..]).map(|at| from + at) {
        let long = rest[at..].find(ends).unwrap_or(rest.len() - at);
        let address = rest[at..at + long].trim_end_matches(BEHIND);
        if BEGINNINGS.contains(&address) || BEGINNINGS.iter().all(|beginning| !address.starts_with(beginning))
        {
            from = at + long;
            continue;
        }
        parts.extend(Some((false, &rest[..at])).filter(|(_, text)| !text.is_empty()));
        parts.push((true, address));
        (rest, from) = (&rest[at + address.len()..], 0);
    }
    parts.extend(Some((false, rest)).filter(|(_, text)| !text.is_empty()));
    parts
}

fn next(text: &str) -> Option<usize> {
    BEGINNINGS.iter().filter_map(|beginning| text.find(beginning)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_without_what_stands_around_them() {
        let of = |text| {
            parts(text).into_iter().filter(|(link, _)| *link).map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(parts("Plain."), [(false, "Plain.")]);
        assert!(parts("").is_empty());
        assert_eq!(
            parts("See (https://acme.example/a?b=c#d), or mailto:help@acme.example."),
            [
                (false, "See ("),
                (true, "https://acme.example/a?b=c#d"),
                (false, "), or "),
                (true, "mailto:help@acme.example"),
                (false, "."),
            ]
        );
        assert_eq!(
            of("<a href=\"http://one.example/\">http://two.example</a>"),
            ["http://one.example/", "http://two.example"]
        );
        assert_eq!(of("https://für.example/straße !"), ["https://für.example/straße"]);
        assert_eq!(of("https:// nothing, then http://x.example"), ["http://x.example"]);
        for harmless in
            ["javascript:alert(1)", "data:text/html,x", "ftp://x.example", "https://", "mailto:", "HTTP"]
        {
            assert!(of(harmless).is_empty(), "{harmless}");
        }
        let text = "a https://x.example/. b";
        assert_eq!(parts(text).iter().map(|(_, part)| *part).collect::<String>(), text, "no letter is lost");
    }
}

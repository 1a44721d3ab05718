//! Every word that the widget says by itself, by its number: the texts are files of the customer's language, which
//! `static/words.js` reads.

use baton_core::client::{Connection, Ending, Notice, Place, View};
use baton_protocol::ErrorCode;
use baton_protocol::model::{EndReason, Event, Phase};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::text::{join, number};

#[wasm_bindgen(raw_module = "./words.js")]
extern "C" {
    /// A word with what is filled into it.
    fn say(word: u32, one: &str, two: &str) -> String;
}

/// A word as it is.
fn plain(word: u32) -> String {
    say(word, "", "")
}

/// The line under the company's name.
pub fn state(view: &View<'_>) -> String {
    if view.ended.is_some() {
        return plain(20);
    }
    match (view.connection, view.phase) {
        (Connection::Idle, _) => plain(0),
        (Connection::Connecting, _) => plain(1),
        (Connection::Reconnecting, _) => plain(2),
        (Connection::Moving, _) => match view.moving_to {
            Some(name) => say(4, name, ""),
            None => plain(3),
        },
        (Connection::Online, Some(Phase::Active { agent })) => say(5, agent, ""),
        (Connection::Online, Some(Phase::Waiting)) => match view.place {
            Some(place) => waiting(place),
            None => plain(6),
        },
        (Connection::Online, _) => plain(7),
    }
}

fn waiting(place: &Place) -> String {
    let rank = number(place.rank);
    let Some(wait) = &place.wait else { return say(8, &rank, "") };
    let (from, to) = (wait.from / 60, wait.to.div_ceil(60).max(1));
    let minutes = match from.max(1) {
        from if from >= to => number(to),
        from => join(&[&number(from), "–", &number(to)]),
    };
    say(9, &rank, &minutes)
}

/// From here on the customer is with this company.
pub fn now_with(name: &str) -> String {
    say(14, name, "")
}

/// A line between the messages.
pub fn event(event: &Event) -> String {
    match event {
        Event::Queued { area } => say(10, area, ""),
        Event::Joined { agent } => say(11, agent, ""),
        Event::AgentLost { agent } => say(12, agent, ""),
        Event::Transferred { to, .. } => say(13, to, ""),
        Event::TransferFailed { .. }
        | Event::Confidential { .. }
        | Event::Verified { .. }
        | Event::Corrected { .. }
        | Event::LeftMessage { .. } => String::new(),
        Event::Ended(reason) => plain(ended(reason)),
    }
}

fn ended(reason: &EndReason) -> u32 {
    match reason {
        EndReason::Customer => 15,
        EndReason::Agent => 16,
        EndReason::Elapsed => 17,
        EndReason::SetTime => 18,
        EndReason::Server => 19,
    }
}

/// Why there is no chat any more, and what the button does about it.
pub fn ending(ending: &Ending) -> (String, String) {
    let why = match ending {
        Ending::Ended(reason) => plain(ended(reason)),
        Ending::Moved(to) if to.is_empty() => plain(22),
        Ending::Moved(to) => say(23, to, ""),
        Ending::Elsewhere => String::new(),
        Ending::Forbidden => plain(26),
        Ending::Incompatible => plain(27),
    };
    (why, plain(21))
}

/// Something to say to the customer.
pub fn notice(notice: &Notice) -> String {
    plain(match notice {
        Notice::TooLong => 28,
        Notice::OutboxFull => 29,
        Notice::Leaving => 30,
        Notice::Lost => 31,
        Notice::Stayed => 32,
        Notice::NotArrived => 33,
        Notice::NotUploaded(ErrorCode::BadDocument) => 34,
        Notice::NotUploaded(_) => 35,
        Notice::Refused(_) => 36,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    /// The numbers in `static/`: a word more is a line more in each language.
    const WORDS: [(&str, usize); 2] = [("words", 63), ("later", 36)];

    fn words(kind: &str, language: &str) -> Vec<String> {
        let path = format!("{}/static/{kind}-{language}.js", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let lines = text.strip_prefix("export default `\n").and_then(|text| text.strip_suffix("\n`;\n"));
        lines.unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_language_has_every_word_and_fills_in_the_same() {
        let listed = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/static/words.js")).unwrap();
        let languages: Vec<&str> = listed.split('[').nth(1).unwrap().split('\'').skip(1).step_by(2).collect();
        let languages: Vec<_> = languages.into_iter().filter(|name| name.len() == 2).collect();
        assert!(languages.len() >= 12, "{languages:?}");
        for (language, (kind, count)) in
            languages.iter().flat_map(|language| WORDS.map(|all| (language, all)))
        {
            let (english, lines) = (words(kind, "en"), words(kind, language));
            assert_eq!((english.len(), lines.len()), (count, count), "{kind} {language}");
            for (number, (line, english)) in lines.iter().zip(&english).enumerate() {
                assert!(!line.trim().is_empty(), "{language} {number}");
                let forms = line.split('|').next_back().unwrap();
                let has = |text: &str, mark: &str| text.split('|').next_back().unwrap().contains(mark);
                assert_eq!(has(line, "$1"), has(english, "$1"), "{language} {number}: {forms}");
                assert_eq!(has(line, "$2"), has(english, "$2"), "{language} {number}: {forms}");
            }
        }
    }
}

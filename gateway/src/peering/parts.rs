//! The parts of what travels with a customer, as the command line and the API name them.

use baton_core::policy::Fields;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::word;

/// A part of what travels with a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The customer's name and e-mail address.
    Identity,
    /// Private notes.
    Notes,
    /// What was said.
    Transcript,
    /// Documents.
    Documents,
    /// What the agent wrote for the next one.
    Comments,
}

/// The parts that are among these.
pub fn parts(fields: Fields) -> Vec<Part> {
    let Fields { identity, notes, transcript, documents, comments } = fields;
    let all = [
        (identity, Part::Identity),
        (notes, Part::Notes),
        (transcript, Part::Transcript),
        (documents, Part::Documents),
        (comments, Part::Comments),
    ];
    all.into_iter().filter_map(|(is, part)| is.then_some(part)).collect()
}

/// The same the other way round.
pub fn fields(parts: &[Part]) -> Fields {
    let has = |part| parts.contains(&part);
    Fields {
        identity: has(Part::Identity),
        notes: has(Part::Notes),
        transcript: has(Part::Transcript),
        documents: has(Part::Documents),
        comments: has(Part::Comments),
    }
}

/// In words.
pub(crate) fn names(fields: Fields) -> String {
    let named: Vec<String> = parts(fields).iter().map(word).collect();
    if named.is_empty() { "nothing".into() } else { named.join(" ") }
}

/// What somebody has named: `all`, `none`, or parts with commas between them.
///
/// # Errors
/// What it could have been.
pub(crate) fn named(text: &str) -> Result<Fields, String> {
    match text {
        "all" => Ok(Fields::default()),
        "none" => Ok(fields(&[])),
        _ => {
            let part = |word: &str| Part::from_str(word.trim(), false);
            let named: Result<Vec<Part>, _> = text.split(',').map(part).collect();
            named.map(|named| fields(&named)).map_err(|_| {
                let known: Vec<String> = Part::value_variants().iter().map(word).collect();
                format!("name all, none, or some of {} with commas between them", known.join(", "))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w2_parts_come_back_as_they_were() {
        for number in 0_u8..32 {
            let is = |bit: u8| number >> bit & 1 == 1;
            let all = Fields {
                identity: is(0),
                notes: is(1),
                transcript: is(2),
                documents: is(3),
                comments: is(4),
            };
            assert_eq!(fields(&parts(all)), all);
        }
    }
    #[test]
    fn w2_parts_are_named_as_they_are_told() {
        let some = named("identity, notes,comments").unwrap();
        assert_eq!(some, fields(&[Part::Comments, Part::Identity, Part::Notes]));
        assert_eq!(names(some), "identity notes comments");
        assert_eq!(
            (names(named("all").unwrap()), names(named("none").unwrap())),
            ("identity notes transcript documents comments".into(), "nothing".into())
        );
        assert_eq!(
            named("identity,nmes"),
            Err("name all, none, or some of identity, notes, transcript, documents, comments with commas between them".into())
        );
    }
}

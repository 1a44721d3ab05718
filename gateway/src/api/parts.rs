//! The parts of what travels with a customer, as the API names them.

use baton_core::policy::Fields;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of what travels with a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
}

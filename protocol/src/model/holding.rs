//! What there is for those who wait: things to read, and things to do instead of waiting (H1).

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What a waiting customer can read (H1). Texts, and links that the server has checked; never HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Holding {
    /// News and offers, the most important first.
    pub announcements: Vec<Announcement>,
    /// Questions that many have.
    pub faqs: Vec<Faq>,
    /// Other pages.
    pub links: Vec<Link>,
    /// What another server has sent along about the customer, to be looked at and corrected.
    pub known: Option<Known>,
}

/// Something that a company wants to say.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Announcement {
    /// A heading.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Whether it is an offer.
    pub offer: bool,
    /// Where there is more of it; https.
    pub url: Option<String>,
}

/// A question that many have.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Faq {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// Another page.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Link {
    /// What it is called.
    pub title: String,
    /// Its address; https.
    pub url: String,
}

/// What is known of a customer, for themselves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Known {
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// What it is about.
    pub subject: String,
}

/// What a waiting customer is told or offered because of how the area is doing (D9, H1).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To be read.
    Announcement(String),
    /// They may leave a message instead of waiting.
    LeaveMessage,
    /// They may be called back instead of waiting.
    CallBack,
}

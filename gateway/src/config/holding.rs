//! What customers of an area read while they wait (H1): `[[area.announcement]]`, `[[area.faq]]`, `[[area.link]]`. Texts and
//! https links, never HTML.

use baton_protocol::limits::MAX_FRAME;
use baton_protocol::model::{Announcement, Faq, Holding, Link};
use url::Url;

use super::mistake::Mistakes;
use super::rules;
use super::section::Section;

/// Bytes of a text: what somebody reads in a minute.
const TEXT: usize = 1_000;

/// Bytes of an address.
const ADDRESS: usize = 512;

/// All of an area's in one frame, with room for what is known of the customer.
const ALL: usize = MAX_FRAME / 2;

const ANNOUNCEMENT: &str =
    "[[area.announcement]]\ntitle = \"Closed on Monday\"\ntext = \"We are back on Tuesday.\"";
const FAQ: &str = "[[area.faq]]\nquestion = \"Do you ship abroad?\"\nanswer = \"Within Europe.\"";
const LINK: &str = "[[area.link]]\ntitle = \"Opening hours\"\nurl = \"https://www.acme.example/hours\"";

/// Reads what stands below an area.
pub(super) fn read(area: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Holding {
    let announcements = area.sections("announcement", ANNOUNCEMENT).unwrap_or_default().into_iter();
    let faqs = area.sections("faq", FAQ).unwrap_or_default().into_iter();
    let links = area.sections("link", LINK).unwrap_or_default().into_iter();
    let holding = Holding {
        announcements: announcements.filter_map(announcement).collect(),
        faqs: faqs.filter_map(faq).collect(),
        links: links.filter_map(link).collect(),
        known: None,
    };
    let bytes = serde_json::to_vec(&holding).map_or(0, |json| json.len());
    if bytes > ALL {
        let what = format!(
            "announcements, questions and links of an area have {ALL} bytes at most, and these have {bytes}"
        );
        mistakes.add(&area.at(), what, LINK);
    }
    holding
}

fn announcement(mut section: Section<'_, '_>) -> Option<Announcement> {
    let title = section.needed("title", "title = \"Closed on Monday\"", rules::label);
    let said = section.needed("text", "text = \"We are back on Tuesday.\"", text);
    let offer = section.truth("offer", "offer = true");
    let url = section.text("url", "url = \"https://www.acme.example/sale\"", link_address);
    section.finish();
    Some(Announcement {
        title: title?.0,
        text: said?.0,
        offer: offer.unwrap_or(false),
        url: url.map(|(url, _)| url),
    })
}

fn faq(mut section: Section<'_, '_>) -> Option<Faq> {
    let question = section.needed("question", "question = \"Do you ship abroad?\"", rules::label);
    let answer = section.needed("answer", "answer = \"Within Europe.\"", text);
    section.finish();
    Some(Faq { question: question?.0, answer: answer?.0 })
}

fn link(mut section: Section<'_, '_>) -> Option<Link> {
    let title = section.needed("title", "title = \"Opening hours\"", rules::label);
    let url = section.needed("url", "url = \"https://www.acme.example/hours\"", link_address);
    section.finish();
    Some(Link { title: title?.0, url: url?.0 })
}

/// A text of some lines.
fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > TEXT {
        return Err(format!("people read this: it has some text, and {TEXT} bytes at most"));
    }
    if text.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err("it is plain text, without tabs and other control characters".into());
    }
    Ok(text.into())
}

/// An address that a customer follows.
fn link_address(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.has_host());
    let url =
        url.filter(|url| url.username().is_empty() && url.password().is_none() && text.len() <= ADDRESS);
    url.map(Into::into).ok_or_else(|| {
        format!("a link is a whole https address without a login, of {ADDRESS} bytes at most, and this is {text:?}")
    })
}

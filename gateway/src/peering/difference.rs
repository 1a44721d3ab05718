//! What has changed of a peer, in words for the audit: the same whether it was changed here or over HTTP.

use baton_protocol::federation::Jwks;

use super::parts::names;
use super::word;
use crate::federation::keys::fingerprint;
use crate::store::{Agreement, PeerRow};

/// What is another than before; for a new peer, than what is usual.
pub(crate) fn difference(before: Option<&PeerRow>, after: &PeerRow) -> String {
    let usual = PeerRow {
        page: None,
        areas: None,
        agreement: Agreement::default(),
        keys: Jwks::default(),
        ..after.clone()
    };
    let was = before.unwrap_or(&usual);
    let (old, new) = (&was.agreement, &after.agreement);
    let mut said = Vec::new();
    let mut say = |differs: bool, words: &dyn Fn() -> String| said.extend(differs.then(words));
    say(before.is_none(), &|| {
        format!("added at {}, {}, {}", after.base_url, word(&after.class), word(&after.mode))
    });
    say(was.class != after.class, &|| word(&after.class));
    say(was.mode != after.mode, &|| word(&after.mode));
    say(was.page != after.page, &|| format!("page {}", after.page.as_deref().unwrap_or("none")));
    say(was.keys != after.keys, &|| {
        let known: Vec<String> = after.keys.keys.iter().map(fingerprint).collect();
        format!("known by {}", known.join(" "))
    });
    say(was.revoked != after.revoked, &|| {
        let news = after.revoked.iter().filter(|key| !was.revoked.contains(key));
        format!("revoked {}", news.map(String::as_str).collect::<Vec<_>>().join(" "))
    });
    say(was.areas != after.areas, &|| listed("area", after.areas.as_deref()));
    say(old.agents != new.agents, &|| listed("agent", new.agents.as_deref()));
    say(old.fields_out != new.fields_out, &|| format!("gives {}", names(new.fields_out)));
    say(old.fields_in != new.fields_in, &|| format!("takes {}", names(new.fields_in)));
    say(old.confined != new.confined, &|| {
        if new.confined { "must not pass on".into() } else { "may pass on".into() }
    });
    say(old.per_minute != new.per_minute, &|| format!("{} a minute", new.per_minute));
    say(old.reservations != new.reservations, &|| format!("{} at once", new.reservations));
    say(old.suspended != new.suspended, &|| {
        if new.suspended { "suspended".into() } else { "goes on".into() }
    });
    if said.is_empty() { "as it was".into() } else { said.join(", ") }
}

fn listed(what: &str, names: Option<&[String]>) -> String {
    names.map_or(format!("every {what}"), |names| format!("{what}s {}", names.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peering::tests::globex;
    use baton_core::policy::Fields;

    #[test]
    fn o2_what_is_agreed_is_told_by_what_has_changed() {
        let before = PeerRow { base_url: "https://globex.example".into(), ..globex() };
        assert_eq!(difference(None, &before), "added at https://globex.example, partner, in-place");
        assert_eq!(difference(Some(&before), &before), "as it was");
        let mut after = before.clone();
        after.areas = Some(vec!["sales".into(), "bills".into()]);
        after.agreement.fields_out = Fields { notes: false, documents: false, ..Fields::default() };
        after.agreement.suspended = true;
        after.agreement.per_minute = 5;
        assert_eq!(
            difference(Some(&before), &after),
            "areas sales bills, gives identity transcript comments, 5 a minute, suspended"
        );
        assert_eq!(
            difference(Some(&after), &before),
            "every area, gives identity notes transcript documents comments, 60 a minute, goes on"
        );
    }
}

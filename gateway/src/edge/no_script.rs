//! What stands on the chat page for browsers that run no script: who the company is and how else it is reached, in the
//! customer's language. Text, never HTML, and links of three kinds alone; its looks are `plain.css`, which only such a browser
//! loads. Where scripts run, a browser shows and loads nothing of this.

use std::fmt::Write;

use axum::http::{HeaderMap, header};

use super::warm::escaped;
use crate::config::{Config, Contact};

/// By language: that scripts are needed, and what precedes the other ways.
const WORDS: [(&str, &str, &str); 12] = [
    (
        "en",
        "The chat needs JavaScript. Please switch it on in your browser and load this page again.",
        "You can also reach us here:",
    ),
    (
        "de",
        "Der Chat braucht JavaScript. Bitte schalten Sie es in Ihrem Browser ein und laden Sie die Seite neu.",
        "Sie erreichen uns auch hier:",
    ),
    (
        "fr",
        "Le chat a besoin de JavaScript. Activez-le dans votre navigateur et rechargez la page.",
        "Vous pouvez aussi nous joindre ici\u{a0}:",
    ),
    (
        "es",
        "El chat necesita JavaScript. Actívelo en su navegador y vuelva a cargar la página.",
        "También puede contactarnos aquí:",
    ),
    (
        "it",
        "La chat richiede JavaScript. Lo attivi nel browser e ricarichi la pagina.",
        "Può contattarci anche qui:",
    ),
    (
        "pt",
        "O chat precisa de JavaScript. Ative-o no navegador e recarregue a página.",
        "Também pode contactar-nos aqui:",
    ),
    (
        "nl",
        "De chat heeft JavaScript nodig. Zet het aan in uw browser en laad de pagina opnieuw.",
        "U kunt ons ook hier bereiken:",
    ),
    (
        "pl",
        "Czat wymaga JavaScriptu. Proszę włączyć go w przeglądarce i odświeżyć stronę.",
        "Można też skontaktować się z nami tutaj:",
    ),
    (
        "tr",
        "Sohbet için JavaScript gerekir. Lütfen tarayıcınızda açın ve sayfayı yenileyin.",
        "Bize şuradan da ulaşabilirsiniz:",
    ),
    (
        "ar",
        "تحتاج المحادثة إلى JavaScript. يرجى تفعيله في متصفحك وإعادة تحميل الصفحة.",
        "يمكنك أيضًا التواصل معنا هنا:",
    ),
    ("zh", "聊天需要 JavaScript。请在浏览器中启用它，然后重新加载页面。", "您也可以通过以下方式联系我们："),
    (
        "ja",
        "チャットには JavaScript が必要です。ブラウザーで有効にして、ページを再読み込みしてください。",
        "こちらからもご連絡いただけます：",
    ),
];

/// What the page's head says of it.
pub const HEAD: &str = "<noscript><link rel=\"stylesheet\" href=\"plain.css\"></noscript>";

/// What the page's body says.
pub fn body(config: &Config, query: &str, headers: &HeaderMap) -> String {
    let (language, needs, also) = language(query, headers);
    let direction = if *language == "ar" { "rtl" } else { "ltr" };
    let mut text = format!(
        "<noscript lang=\"{language}\" dir=\"{direction}\"><h1>{}</h1><p>{needs}</p>",
        escaped(&config.title)
    );
    let ways: Vec<String> = config.contact.iter().map(way).chain(config.page.as_deref().map(site)).collect();
    if !ways.is_empty() {
        let _ = write!(text, "<p>{also}</p><ul>{}</ul>", ways.concat());
    }
    text + "</noscript>"
}

fn way(contact: &Contact) -> String {
    match contact {
        Contact::Email(address) => link(&format!("mailto:{address}"), address),
        Contact::Phone(number) => {
            let dialled: String = number.chars().filter(|it| it.is_ascii_digit() || *it == '+').collect();
            link(&format!("tel:{dialled}"), number)
        }
    }
}

fn site(page: &str) -> String {
    link(page, page)
}

fn link(to: &str, text: &str) -> String {
    format!("<li><a href=\"{}\" dir=\"ltr\">{}</a></li>", escaped(to), escaped(text))
}

/// The page's own `language`, else the first of the browser's that there is, else English: as the widget chooses.
fn language(query: &str, headers: &HeaderMap) -> &'static (&'static str, &'static str, &'static str) {
    let asked = url::form_urlencoded::parse(query.as_bytes());
    let asked = asked.filter(|(name, _)| name == "language").map(|(_, value)| (value.into_owned(), 1.0));
    let list = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut read: Vec<(String, f32)> = list.split(',').filter_map(weighed).collect();
    read.sort_by(|one, other| other.1.total_cmp(&one.1));
    let known = |(wanted, _): (String, f32)| {
        let short = wanted.get(..2)?.to_ascii_lowercase();
        WORDS.iter().find(|(language, ..)| *language == short)
    };
    asked.chain(read).find_map(known).unwrap_or(&WORDS[0])
}

/// `de-AT;q=0.8`, whose weight is 1 where nothing is said (RFC 9110 section 12.4.2).
fn weighed(text: &str) -> Option<(String, f32)> {
    let (language, rest) = text.split_once(';').unwrap_or((text, ""));
    let weight = rest.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(1.0);
    (weight > 0.0).then(|| (language.trim().to_owned(), weight))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn spoken(query: &str, list: &'static str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(list));
        language(query, &headers).0
    }

    #[test]
    fn u1_without_scripts_the_page_speaks_the_customers_language() {
        assert_eq!(spoken("", "de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(spoken("", "sv, en;q=0.1, pl;q=0.5"), "pl");
        assert_eq!(spoken("area=sales&language=ar", "de"), "ar");
        assert_eq!(spoken("language=xx", "ja;q=0, zh"), "zh");
        assert_eq!(spoken("language=%ff", "*, ,;;q=q"), "en");
        assert_eq!(spoken("", ""), "en");
        let widgets = include_str!("../../../miniapp-wasm/static/words.js");
        for (language, ..) in WORDS {
            assert!(widgets.contains(&format!("'{language}'")), "the widget does not speak {language}");
        }
    }

    #[test]
    fn u1_without_scripts_the_page_says_how_the_company_is_reached() {
        let text = "name = \"acme\"\ntitle = \"Acme <b> & Sons\"\nurl = \"http://localhost:7101\"\nlisten = \"127.0.0.1:7101\"\n\
                    sites = [\"https://www.acme.example\"]\npage = \"https://www.acme.example/help\"\n\
                    contact = [\"help@acme.example\", \"+49 (30) 12-34\"]\n[[area]]\nname = \"sales\"\ntitle = \"Sales\"\n";
        let config = Config::parse(text, std::path::Path::new("/data")).unwrap();
        let body = body(&config, "language=de", &HeaderMap::new());
        assert!(
            body.starts_with("<noscript lang=\"de\" dir=\"ltr\"><h1>Acme &lt;b&gt; &amp; Sons</h1>"),
            "{body}"
        );
        for part in [
            "<a href=\"mailto:help@acme.example\" dir=\"ltr\">help@acme.example</a>",
            "<a href=\"tel:+49301234\"",
            ">+49 (30) 12-34</a>",
            "<a href=\"https://www.acme.example/help\"",
            "Der Chat braucht JavaScript.",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        let bare = Config::parse(
            &text.replace("contact", "# contact").replace("page =", "# page ="),
            std::path::Path::new("/data"),
        );
        let body = super::body(&bare.unwrap(), "", &HeaderMap::new());
        assert!(!body.contains("<ul>") && !body.contains("You can also"), "{body}");
    }
}

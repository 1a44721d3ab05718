//! An agent's day at the desk, in real browsers: what the inbox shows, what is told, what is said.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::api::Api;
use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::waits;
use baton_e2e::{axe, story, until};
use baton_protocol::ClientFrame;
use reqwest::Method;
use serde_json::json;
use thirtyfour::{By, Key, WebElement};

struct Scene {
    acme: Company,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    Scene { acme, browsers: Browsers::start().await.unwrap(), _folder: folder }
}

/// Whether the conversation is at its end.
const AT_END: &str = "const list = document.querySelector('.transcript');
    return list.scrollHeight - list.scrollTop - list.clientHeight < 60";

/// The agent takes the customer of this name.
async fn takes(agent: &Browser, name: &str) {
    let button = format!("[aria-label='Pick up {name}']");
    until(&button, || async { agent.css(&button).await?.click().await.map_err(Into::into) }).await.unwrap();
    agent
        .returns("return document.querySelector('.pane .head h2')?.textContent ?? ''", json!(name))
        .await
        .unwrap();
}

#[tokio::test]
async fn a2_the_inbox_counts_who_waits_how_long_and_what_was_said_last() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let mut dora = waits(&acme, "Dora", "A tent for two").await;
    let mut emil = waits(&acme, "Emil", "").await;
    anna.shows("inbox-waiting", "2").await.unwrap();
    anna.shows("queue-row", "A tent for two").await.unwrap();
    let wait = "return document.querySelector('[data-test=queue-row] .clock').dataset.wait";
    anna.returns(wait, json!("short")).await.unwrap();
    // Three minutes later, and six.
    for (minutes, urgency) in [(3, "long"), (6, "urgent")] {
        let later = format!(
            "window.then ??= Date.now.bind(Date); Date.now = () => window.then() + {minutes} * 60_000"
        );
        anna.script(&later).await.unwrap();
        anna.returns(wait, json!(urgency)).await.unwrap();
        let colour = "return getComputedStyle(document.querySelector('.row .clock')).color";
        anna.returns(colour, json!(if minutes == 3 { "rgb(138, 90, 0)" } else { "rgb(176, 36, 25)" }))
            .await
            .unwrap();
    }
    let waited = anna.css(".row .clock").await.unwrap().text().await.unwrap();
    assert!(waited.starts_with("6:"), "{waited}");
    anna.picture("desk-waiting").await.unwrap();
    takes(&anna, "Dora").await;
    takes(&anna, "Emil").await;
    anna.shows("inbox-waiting", "0").await.unwrap();
    // Emil is in front: what Dora writes is counted, and its beginning shown, until she is.
    dora.say(None, 1, "Does it have two doors?").await.unwrap();
    dora.say(None, 2, "And pegs?").await.unwrap();
    let tab = |what: &str| {
        format!(
            "return [...document.querySelectorAll('[data-test=chat-tab]')].find(tab => tab.textContent.includes('Dora')).querySelector('{what}').textContent"
        )
    };
    anna.returns(&tab(".unread"), json!("2")).await.unwrap();
    anna.returns(&tab(".said"), json!("And pegs?")).await.unwrap();
    let title = anna.driver.title().await.unwrap();
    assert!(title.starts_with("(2) "), "{title}");
    dora.send(&ClientFrame::Typing { chat: None, on: true }).await.unwrap();
    anna.returns(&tab(".said"), json!("typing…")).await.unwrap();
    anna.css("body").await.unwrap().send_keys(Key::Alt + "1").await.unwrap();
    anna.shows("message", "And pegs?").await.unwrap();
    anna.returns(&tab(".unread"), json!("")).await.unwrap();
    // Beside each other both can be read, and each has a place to write.
    anna.click("beside").await.unwrap();
    anna.returns("return document.querySelectorAll('.pane [data-test=composer]').length", json!(2))
        .await
        .unwrap();
    anna.returns("return innerWidth - document.documentElement.scrollWidth", json!(0)).await.unwrap();
    anna.pictures("desk-beside").await.unwrap();
    axe::check(&anna, "chats side by side").await.unwrap();
    emil.say(None, 1, "Do you ship?").await.unwrap();
    anna.shows("message", "Do you ship?").await.unwrap();
    anna.click("beside").await.unwrap();
    anna.returns("return document.querySelectorAll('.pane').length", json!(1)).await.unwrap();
}

#[tokio::test]
async fn a2_at_the_maximum_nobody_can_be_picked_up_and_why_is_said() {
    let Scene { acme, browsers, _folder } = scene().await;
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let one = json!({ "title": "Anna", "role": "agent", "areas": ["sales"], "max_chats": 1 });
    ada.change(Method::PUT, "agents/anna", Some(one)).await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    let _dora = waits(&acme, "Dora", "").await;
    let _emil = waits(&acme, "Emil", "").await;
    takes(&anna, "Dora").await;
    anna.css(".why").await.unwrap();
    let said = anna.css(".why").await.unwrap().text().await.unwrap();
    assert_eq!(said, "You have 1 of 1 chats: finish or transfer one first");
    assert!(!anna.find("pick-up").await.unwrap().is_enabled().await.unwrap());
    anna.picture("desk-maximum").await.unwrap();
    // Nor by a key.
    anna.css("body").await.unwrap().send_keys(Key::Alt + "p").await.unwrap();
    takes(&ben, "Emil").await;
    assert_eq!(anna.texts("chat-tab").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a2_whether_one_takes_chats_is_chosen_and_seen_by_the_others() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    ben.click("inbox-team").await.unwrap();
    for (state, said) in [("busy", "Busy"), ("away", "Away"), ("available", "Available")] {
        anna.choose("presence", state).await.unwrap();
        let seen = "return [...document.querySelectorAll('[data-test=colleague]')].find(it => it.textContent.includes('Anna'))?.textContent.includes(arguments[0])";
        ben.returns(&seen.replace("arguments[0]", &format!("'{said}'")), json!(true)).await.unwrap();
    }
    ben.pictures("desk-team").await.unwrap();
    axe::check(&ben, "the team").await.unwrap();
}

/// The page believes that it is not looked at, and what it tells the desktop is kept.
const ELSEWHERE: &str = "
    window.told = [];
    window.Notification = class {
        static permission = 'granted';
        constructor(title, { body }) { told.push({ title, body }); Promise.resolve().then(() => { window.last = this; }); }
    };
    window.sounds = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { sounds++; return start.apply(this, when); };
    window.looks = (yes) => Object.defineProperty(document, 'hidden', { configurable: true, get: () => !yes });
";

#[tokio::test]
async fn a2_whoever_looks_elsewhere_is_told_by_the_desktop_and_by_a_sound_if_they_want_it() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    anna.script(ELSEWHERE).await.unwrap();
    let mut dora = waits(&acme, "Dora", "").await;
    takes(&anna, "Dora").await;
    // Nothing is on that was not turned on.
    anna.script("looks(false)").await.unwrap();
    dora.say(None, 1, "One").await.unwrap();
    anna.shows("message", "One").await.unwrap();
    assert_eq!(anna.script("return [told.length, sounds]").await.unwrap(), json!([0, 0]));
    anna.click("preferences").await.unwrap();
    anna.click("notify").await.unwrap();
    anna.click("sound").await.unwrap();
    anna.pictures("desk-preferences").await.unwrap();
    axe::check(&anna, "preferences").await.unwrap();
    // It is heard once, so that one knows it.
    anna.returns("return sounds", json!(1)).await.unwrap();
    dora.say(None, 2, "Two").await.unwrap();
    anna.returns("return told", json!([{ "title": "Dora", "body": "Two" }])).await.unwrap();
    assert_eq!(anna.script("return sounds").await.unwrap(), json!(2));
    let _emil = waits(&acme, "Emil", "").await;
    anna.returns("return told.at(-1).title", json!("Emil is waiting")).await.unwrap();
    takes(&anna, "Emil").await;
    // Whoever looks is not told, and a click leads to what it was about.
    dora.say(None, 3, "Three").await.unwrap();
    anna.returns("return told.at(-1).body", json!("Three")).await.unwrap();
    anna.script("last.onclick()").await.unwrap();
    anna.returns("return document.querySelector('.pane .head h2').textContent", json!("Dora")).await.unwrap();
    anna.script("looks(true)").await.unwrap();
    let told = anna.script("return told.length").await.unwrap();
    dora.say(None, 4, "Four").await.unwrap();
    anna.shows("message", "Four").await.unwrap();
    assert_eq!(anna.script("return told.length").await.unwrap(), told);
}

#[tokio::test]
async fn a2_links_are_links_markup_is_text_a_note_stays_with_the_agents_and_all_of_it_is_kept_as_a_file() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(
        &browsers,
        &acme,
        "See https://acme.example/ridge?a=1&b=2. <img src=x onerror=alert(1)> javascript:alert(2)",
    )
    .await
    .unwrap();
    story::pick_up(&anna).await.unwrap();
    let links = "return [...document.querySelectorAll('.lines a')].map(it => [it.getAttribute('href'), it.target, it.rel])";
    anna.returns(
        links,
        json!([["https://acme.example/ridge?a=1&b=2", "_blank", "noopener noreferrer nofollow"]]),
    )
    .await
    .unwrap();
    assert_eq!(anna.script("return document.querySelectorAll('.lines img').length").await.unwrap(), json!(0));
    // Where the cursor is.
    anna.type_into("composer", "Fine!").await.unwrap();
    anna.keys(Key::Left + "").await.unwrap();
    anna.click("faces").await.unwrap();
    anna.pictures("desk-faces").await.unwrap();
    axe::check(&anna, "emoji").await.unwrap();
    anna.css("[data-test=face]:nth-of-type(13)").await.unwrap().click().await.unwrap();
    anna.say("composer", "").await.unwrap();
    customer.shows("message", "Fine👍!").await.unwrap();
    anna.shows("message", "seen").await.unwrap();
    anna.click("note-toggle").await.unwrap();
    anna.say("composer", "Ask Ben about the price.").await.unwrap();
    anna.shows("message", "Anna, private note").await.unwrap();
    // The next one is a message again.
    anna.say("composer", "Done.").await.unwrap();
    customer.shows("message", "Done.").await.unwrap();
    let read = customer.texts("message").await.unwrap().join(" ");
    assert!(!read.contains("Ben"), "{read}");
    // What the palette keeps as a file is everything, in its order.
    anna.script(
        "window.kept = []; const make = URL.createObjectURL; \
         URL.createObjectURL = (blob) => { blob.text().then((text) => kept.push(text)); return make(blob); }",
    )
    .await
    .unwrap();
    anna.css("body").await.unwrap().send_keys(Key::Control + "k").await.unwrap();
    anna.say("palette-search", "as a file").await.unwrap();
    anna.returns("return kept.length", json!(1)).await.unwrap();
    let kept = anna.script("return kept[0]").await.unwrap();
    let lines: Vec<&str> = kept.as_str().unwrap().lines().collect();
    let ends = [
        "javascript:alert(2)",
        "Anna: Fine👍!",
        "Anna, private note: Ask Ben about the price.",
        "Anna: Done.",
    ];
    let last = &lines[lines.len() - 3..];
    assert!(last.iter().zip(&ends[1..]).all(|(line, end)| line.ends_with(end)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with(ends[0])), "{lines:#?}");
}

#[tokio::test]
async fn a_supervisor_says_what_is_urgent_moves_who_waits_and_speaks_to_the_team() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let alma = story::agent(&browsers, &acme, "alma").await.unwrap();
    let _dora = waits(&acme, "Dora", "").await;
    let _emil = waits(&acme, "Emil", "").await;
    anna.shows("inbox-waiting", "2").await.unwrap();
    let first = "return document.querySelector('[data-test=queue-row][style*=\"translateY(0px)\"] b')?.textContent ?? ''";
    anna.returns(first, json!("Dora")).await.unwrap();
    // Emil is more urgent: he is the next one, in every console.
    alma.click("inbox-team").await.unwrap();
    until("Emil's chat", || async {
        for row in alma.driver.find_all(By::Css("[data-test=open-chat]")).await? {
            if row.text().await?.contains("Emil") {
                return row.find(By::Css("[data-test=watch]")).await?.click().await.map_err(Into::into);
            }
        }
        anyhow::bail!("it is not there")
    })
    .await
    .unwrap();
    alma.choose("priority", "9").await.unwrap();
    anna.returns(first, json!("Emil")).await.unwrap();
    // Dora waits in another line from now on, and Anna, who does not serve it, has her no more.
    until("Dora's chat", || async {
        alma.css("[aria-label='Rescue Dora']").await?.click().await.map_err(Into::into)
    })
    .await
    .unwrap();
    alma.choose("rescue-to", "billing").await.unwrap();
    alma.click("rescue-submit").await.unwrap();
    anna.shows("inbox-waiting", "1").await.unwrap();
    alma.click("inbox-waiting").await.unwrap();
    alma.shows("queue-row", "Billing").await.unwrap();
    alma.click("team-message").await.unwrap();
    alma.choose("team-to", "sales").await.unwrap();
    alma.type_into("team-text", "Tents are sold out.").await.unwrap();
    alma.pictures("desk-team-message").await.unwrap();
    axe::check(&alma, "a message to the team").await.unwrap();
    alma.click("team-send").await.unwrap();
    anna.shows("toast", "Alma to Sales: Tents are sold out.").await.unwrap();
}

#[tokio::test]
async fn a2_whoever_reads_further_up_stays_there_and_is_told_of_what_is_new() {
    let Scene { acme, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let mut dora = waits(&acme, "Dora", "A tent for two").await;
    takes(&anna, "Dora").await;
    for number in 1..=80 {
        dora.say(None, number, &format!("Line {number} of what I have to say.")).await.unwrap();
    }
    anna.shows("message", "Line 80 of").await.unwrap();
    anna.returns(AT_END, json!(true)).await.unwrap();
    let up = "return (async () => {
        const list = document.querySelector('.transcript');
        list.scrollTop -= 900;
        for (let frames = 4; frames; frames--) await new Promise(requestAnimationFrame);
        const top = list.getBoundingClientRect().top;
        window.read = [...list.querySelectorAll('[data-test=message]')].find(line => line.getBoundingClientRect().top >= top);
        window.at = read.getBoundingClientRect().top;
        return !!document.querySelector('.newest');
    })()";
    assert_eq!(anna.script(up).await.unwrap(), json!(false), "nothing is new yet");
    dora.say(None, 81, "And one more thing.").await.unwrap();
    anna.returns("return document.querySelector('.newest')?.textContent ?? ''", json!("New messages ↓"))
        .await
        .unwrap();
    let moved =
        anna.script("return read.isConnected && Math.abs(read.getBoundingClientRect().top - at)").await;
    assert!(moved.unwrap().as_f64().is_some_and(|pixels| pixels <= 2.0), "what is read has moved");
    // Who does not see the conversation hears it all the same.
    let aloud =
        "return document.querySelector('[data-test=aloud]').textContent.includes('And one more thing.')";
    anna.returns(aloud, json!(true)).await.unwrap();
    anna.css(".newest").await.unwrap().click().await.unwrap();
    anna.shows("message", "And one more thing.").await.unwrap();
    anna.returns(AT_END, json!(true)).await.unwrap();
    anna.returns("return !!document.querySelector('.newest')", json!(false)).await.unwrap();
    copies(&anna).await;
    looks(&anna, &mut dora).await;
}

/// Whether a line that begins so is in the page.
fn there(line: &str) -> String {
    format!(
        "return [...document.querySelectorAll('.lines .text')].some(text => text.textContent.startsWith('{line}'))"
    )
}

/// The element of a line that begins so.
async fn line(anna: &Browser, begins: &str) -> WebElement {
    let path = format!("//*[@class='lines']//*[@class='text'][starts-with(., '{begins}')]");
    anna.driver.find(By::XPath(path)).await.unwrap()
}

/// What is copied, line by line.
async fn copied(anna: &Browser) -> Vec<String> {
    anna.script("addEventListener('copy', copy => { window.copied = copy.clipboardData.getData('text/plain'); }, { once: true })")
        .await
        .unwrap();
    anna.driver
        .action_chain()
        .key_down(Key::Control)
        .send_keys("c")
        .key_up(Key::Control)
        .perform()
        .await
        .unwrap();
    let text = anna.script("return copied").await.unwrap();
    text.as_str().unwrap().lines().map(str::to_owned).collect()
}

/// Marks over several screens: what is between the two ends is marked and copied, though it is not in sight.
async fn copies(anna: &Browser) {
    let go = |pixels: i32| {
        format!(
            "return (async () => {{
                const list = document.querySelector('.transcript'), until = list.scrollTop + {pixels};
                while (list.scrollTop !== until) {{
                    const before = list.scrollTop;
                    list.scrollTop += Math.sign(until - before) * Math.min(400, Math.abs(until - before));
                    await new Promise(requestAnimationFrame);
                    await new Promise(requestAnimationFrame);
                    if (list.scrollTop === before) break;
                }}
                return true;
            }})()"
        )
    };
    let (up, down) = (go(-9_000), go(9_000));
    anna.script(&up).await.unwrap();
    anna.returns(&there("Line 1 of"), json!(true)).await.unwrap();
    // With Shift, where marking began is out of the page by the time it ends.
    line(anna, "Line 1 of").await.click().await.unwrap();
    anna.script(&down).await.unwrap();
    anna.returns(&there("Line 1 of"), json!(false)).await.unwrap();
    let last = line(anna, "Line 80 of").await;
    let chain = anna.driver.action_chain().key_down(Key::Shift).click_element(&last).key_up(Key::Shift);
    chain.perform().await.unwrap();
    let marked = "const text = getSelection().toString(); return ['Line 2 of', 'Line 40 of', 'Line 79 of'].every(line => text.includes(line))";
    anna.returns(marked, json!(true)).await.unwrap();
    anna.picture("console-marked").await.unwrap();
    let is_whole = |lines: &[String]| {
        assert_eq!(lines.len(), 80, "{lines:#?}");
        for (number, line) in (2..80).zip(&lines[1..]) {
            let wanted = format!("] Dora: Line {number} of what I have to say.");
            assert!(line.starts_with('[') && line.ends_with(&wanted), "{line}");
        }
        // Of the first and the last one what is marked.
        let [first, .., last] = lines else { unreachable!() };
        assert!(
            first.contains("] Dora: ") && first.ends_with("say.") && !first.contains("Line 1 of"),
            "{first}"
        );
        assert!(last.contains("] Dora: Line 80") && !last.ends_with("say."), "{last}");
    };
    is_whole(&copied(anna).await);
    // Drawn with the button held, while the list moves under it.
    anna.script("getSelection().removeAllRanges()").await.unwrap();
    let middle = |line: &str| {
        format!(
            "const line = [...document.querySelectorAll('.lines .text')].find(text => text.textContent.startsWith('{line}'));
             const box = line.getBoundingClientRect();
             return [box.left + box.width / 2, box.top + box.height / 2]"
        )
    };
    let mut places = [(0.0, 0.0); 2];
    for (place, line) in places.iter_mut().zip(["Line 80 of", "Line 76 of"]) {
        *place = serde_json::from_value(anna.script(&middle(line)).await.unwrap()).unwrap();
    }
    anna.draw(places, &up, &middle("Line 1 of")).await.unwrap();
    anna.returns(marked, json!(true)).await.unwrap();
    is_whole(&copied(anna).await);
    // One line is the browser's own to copy; and with nothing marked the lines out of sight leave the page.
    line(anna, "Line 1 of").await.click().await.unwrap();
    anna.script(&down).await.unwrap();
    anna.returns(&there("Line 1 of"), json!(false)).await.unwrap();
}

/// Looks for something while more of it is said: what is read stays where it is.
async fn looks(anna: &Browser, dora: &mut Client) {
    anna.css("body").await.unwrap().send_keys(Key::Alt + "s").await.unwrap();
    for (query, again) in
        [("Line 40 of", "I said it in line 40 of all that."), ("and one MORE", "And one more!")]
    {
        let field = anna.find("within").await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(query).await.unwrap();
        anna.shows("within-count", "1 of 1").await.unwrap();
        let place = "return (async () => {
            for (let frames = 4; frames; frames--) await new Promise(requestAnimationFrame);
            return document.querySelector('[data-found]')?.getBoundingClientRect().top ?? -1;
        })()";
        let before = anna.script(place).await.unwrap().as_f64().unwrap();
        assert!(before > 0.0);
        dora.say(None, u8::try_from(again.len()).unwrap() + 100, again).await.unwrap();
        anna.shows("within-count", "1 of 2").await.unwrap();
        let after = anna.script(place).await.unwrap().as_f64().unwrap();
        assert!((after - before).abs() <= 2.0, "what was found has moved from {before} to {after}");
    }
    anna.keys(Key::Escape + "").await.unwrap();
}

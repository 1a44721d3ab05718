//! A working day in a minute: a supervisor, three agents and ten customers at two companies in one run. The supervisor and
//! Acme's agents sit at real consoles; Gus of Globex, and the customers, are the same machines without a browser.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use baton_core::client::{Opening, Standing};
use baton_core::session::State;
use baton_e2e::LIMIT;
use baton_e2e::api::Api;
use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::desk::Desk;
use baton_e2e::kill::judge::{chats_of, own_view};
use baton_e2e::pair::both_with;
use baton_e2e::story;
use baton_e2e::widget::{Moments, Seen, Widget};
use baton_protocol::model::{Destination, Phase, Presence, Share};
use baton_protocol::{ChatId, ClientFrame, ResumeToken, ServerFrame, TransferId};
use serde_json::json;
use thirtyfour::{By, Key};

/// A customer, and everything that was said in their chat, in order.
struct Customer {
    name: String,
    widget: Widget,
    said: Vec<String>,
}

impl Customer {
    /// Comes to the first company's website; follows to the others.
    fn comes(companies: &[&Company], letter: char) -> Self {
        let (name, question) = (format!("Carla {letter}"), format!("{letter}: my stove leaks."));
        let opening = Opening { name: name.clone(), question: question.clone(), ..Opening::default() };
        let gateways = companies.iter().map(|company| company.own_socket()).collect();
        let widget = Widget::open(gateways, None, opening, Moments::default());
        Self { name, widget, said: vec![question] }
    }

    /// Waits in the queue.
    async fn waits(&mut self) {
        let waits = |seen: &Seen| seen.is_settled() && seen.phase == Some(Phase::Waiting);
        self.widget.until("a place in the queue", LIMIT, waits).await.unwrap();
    }

    /// Says something; it is stored when this returns.
    async fn says(&mut self, text: &str) {
        let text = format!("{}: {text}", self.name);
        self.widget.say(text.clone()).await.unwrap();
        let stored = |seen: &Seen| seen.is_settled() && own_view(seen).iter().any(|(_, said)| *said == text);
        self.widget.until("the message to be stored", LIMIT, stored).await.unwrap();
        self.said.push(text);
    }

    /// Reads what an agent has just said.
    async fn reads(&mut self, text: String) {
        let read = |seen: &Seen| own_view(seen).iter().any(|(_, said)| *said == text);
        self.widget.until(&text, LIMIT, read).await.unwrap();
        self.said.push(text);
    }

    /// Is with this agent.
    async fn is_with(&mut self, agent: &str) {
        let phase = Some(Phase::Active { agent: agent.into() });
        self.widget.until(agent, LIMIT, |seen| seen.phase == phase).await.unwrap();
    }

    /// The chat that they are in, and their secret.
    fn session(&self) -> (ChatId, ResumeToken) {
        match self.widget.seen().record.unwrap().standing {
            Standing::Session { chat, token } => (chat, token),
            other => panic!("{} is {other:?}", self.name),
        }
    }
}

/// An agent at a console.
struct Agent {
    title: &'static str,
    browser: Browser,
}

impl Agent {
    async fn at(browsers: &Browsers, acme: &Company, login: &str, title: &'static str) -> Self {
        Self { title, browser: story::agent(browsers, acme, login).await.unwrap() }
    }

    /// Until the chat in front is this customer's.
    async fn has_before_them(&self, customer: &Customer) {
        baton_e2e::until(&format!("{} in front of {}", customer.name, self.title), || async {
            let head = self.browser.css(".pane .head h2").await?.text().await?;
            anyhow::ensure!(head == customer.name, "it is {head}");
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn picks_up(&self, customer: &Customer) {
        let button = format!("[aria-label='Pick up {}']", customer.name);
        let click = || async { self.browser.css(&button).await?.click().await.map_err(Into::into) };
        baton_e2e::until(&button, click).await.unwrap();
        self.has_before_them(customer).await;
    }

    /// Clicks the row of this customer's.
    async fn turns_to(&self, customer: &Customer, list: &str) {
        baton_e2e::until(&format!("{} in a list", customer.name), || async {
            for row in self.browser.driver.find_all(By::Css(list)).await? {
                if row.find(By::Css("b")).await?.text().await? == customer.name {
                    return row.click().await.map_err(Into::into);
                }
            }
            anyhow::bail!("no {list} is theirs")
        })
        .await
        .unwrap();
        self.has_before_them(customer).await;
    }

    /// Says something in this customer's chat, which the customer reads.
    async fn says(&self, customer: &mut Customer, text: &str) {
        self.turns_to(customer, "[data-test=chat-tab]").await;
        let text = format!("{} to {}: {text}", self.title, customer.name);
        self.browser.say("composer", &text).await.unwrap();
        customer.reads(text).await;
    }

    async fn ends(&self, customer: &Customer) {
        self.turns_to(customer, "[data-test=chat-tab]").await;
        self.browser.click("end").await.unwrap();
    }

    /// Picks some up, greets them, and reads their answers.
    async fn serves(&self, customers: &mut [Customer]) {
        for customer in customers {
            self.picks_up(customer).await;
            self.says(customer, "how can I help?").await;
            customer.says("it drips.").await;
            self.browser.shows("message", customer.said.last().unwrap()).await.unwrap();
        }
    }
}

/// Gus, who picks up whoever waits, has this customer and says something.
async fn gus_says(gus: &mut Desk, customer: &mut Customer, text: &str) -> ChatId {
    customer.is_with("Gus").await;
    let (chat, _) = customer.session();
    gus.until("the chat", LIMIT, |seen| seen.chats.contains_key(&chat)).await.unwrap();
    let text = format!("Gus to {}: {text}", customer.name);
    gus.say(chat, text.clone()).await.unwrap();
    customer.reads(text).await;
    chat
}

#[tokio::test]
async fn u2_a_supervisor_three_agents_and_ten_customers_at_two_companies() {
    let both = both_with(|acme, _| acme.configure_after("[end]\n", "survey = true").unwrap()).await;
    let (acme, globex) = (&both.acme, &both.globex);
    let browsers = Browsers::start().await.unwrap();
    let (anna, ben, alma) = tokio::join!(
        Agent::at(&browsers, acme, "anna", "Anna"),
        Agent::at(&browsers, acme, "ben", "Ben"),
        Agent::at(&browsers, acme, "alma", "Alma"),
    );
    let mut gus = Desk::start(globex.socket(), "gus", None, Moments::default());
    gus.until("a login", LIMIT, |seen| seen.online).await.unwrap();

    // All ten wait; two agents serve them at the same time, five each.
    let mut customers = Vec::new();
    for letter in 'A'..='J' {
        let mut customer = Customer::comes(&[acme, globex], letter);
        customer.waits().await;
        customers.push(customer);
    }
    alma.browser.shows("inbox-waiting", "10").await.unwrap();
    let (first, second) = customers.split_at_mut(5);
    tokio::join!(anna.serves(first), ben.serves(second));
    anna.browser.picture("floor-anna").await.unwrap();
    let [a, b, c, ..] = first else { panic!() };
    let [f, g, ..] = second else { panic!() };

    // Within the company: A goes to another line, whose agent has one place left.
    anna.turns_to(a, "[data-test=chat-tab]").await;
    anna.browser.click("transfer").await.unwrap();
    anna.browser.click("transfer-tab-lines").await.unwrap();
    story::choose(&anna.browser, "Billing").await.unwrap();
    anna.browser.type_into("comments", "Asks for the invoice.").await.unwrap();
    anna.browser.click("transfer-submit").await.unwrap();
    ben.picks_up(a).await;
    ben.browser.shows("handover-comments", "Asks for the invoice.").await.unwrap();
    ben.says(a, "the invoice is on its way.").await;

    // To the other company at the same time: B to stay there, F to come back.
    let to_globex = async |agent: &Agent, customer: &Customer| {
        agent.turns_to(customer, "[data-test=chat-tab]").await;
        story::transfer_to_server(&agent.browser, "globex", "Repairs", "Leaks at the valve.").await.unwrap();
    };
    tokio::join!(to_globex(&anna, b), to_globex(&ben, f));
    gus_says(&mut gus, b, "send it in.").await;
    b.says("I will.").await;
    let chat = gus_says(&mut gus, f, "that is one for Acme.").await;
    let to = Destination::Server { server: "acme".into(), area: Some("sales".into()) };
    let (transfer, comments, share) = (TransferId([0xf0; 16]), "Wants a new one.".into(), Share::All);
    gus.order(ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
    anna.picks_up(f).await;
    for earlier in f.said.clone() {
        anna.browser.shows("handover-transcript", &earlier).await.unwrap();
    }
    anna.says(f, "here is a new one.").await;
    f.says("thank you.").await;

    // The supervisor follows C and whispers, which C does not read; takes part; and takes G over.
    alma.browser.click("inbox-team").await.unwrap();
    alma.turns_to(c, "[data-test=watch]").await;
    alma.browser.shows("whose", "Anna alone reads").await.unwrap();
    alma.browser.say("composer", "Offer the discount.").await.unwrap();
    anna.turns_to(c, "[data-test=chat-tab]").await;
    anna.browser.shows("message", "Offer the discount.").await.unwrap();
    anna.says(c, "there is a discount.").await;
    alma.browser.click("join").await.unwrap();
    alma.browser.shows("whose", "The customer reads").await.unwrap();
    alma.says(c, "and a voucher.").await;
    alma.turns_to(g, "[data-test=watch]").await;
    alma.browser.click("take-over").await.unwrap();
    g.is_with("Alma").await;
    alma.says(g, "I go on from here.").await;
    g.says("very well.").await;
    alma.browser.picture("floor-alma").await.unwrap();

    // What every customer has read is what was said, word for word and in order.
    let sessions: Vec<(ChatId, ResumeToken)> = customers.iter().map(Customer::session).collect();
    let seen: Vec<Seen> = customers.iter().map(|customer| customer.widget.seen()).collect();
    for (customer, seen) in customers.iter().zip(&seen) {
        let read: Vec<String> = own_view(seen).into_iter().map(|(_, text)| text).collect();
        assert_eq!(read, customer.said, "{}", customer.name);
    }

    // Everything ends: by Anna, Ben, Alma and Gus, and three customers by themselves.
    let [a, b, c, d, e, f, g, h, i, j] = &mut customers[..] else { panic!() };
    let by_anna = async {
        for customer in [&*c, &*d, &*e, &*f] {
            anna.ends(customer).await
        }
    };
    tokio::join!(by_anna, ben.ends(a), alma.ends(g));
    gus.order(ClientFrame::End { chat: Some(b.session().0) }).await.unwrap();
    for customer in [&*h, &*i, &*j] {
        customer.widget.end().await.unwrap();
    }
    for customer in [a, b, c, d, e, f, g, h, i, j] {
        customer.widget.until("the end", LIMIT, |seen| seen.record.is_none()).await.unwrap();
    }

    // And so it stands in the stores, with what went along to the company that had them last.
    for ((customer, (chat, _)), number) in customers.iter().zip(&sessions).zip(0..) {
        let company = if number == 1 { globex } else { acme };
        let stored = baton_e2e::until("the end to be stored", || async {
            let (_, record, said) = chats_of(company, &[*chat])?.pop().unwrap();
            anyhow::ensure!(matches!(record.state, State::Ended(_)), "{:?}", record.state);
            // Within a company what came along repeats what the chat itself has.
            let mut ids = HashSet::new();
            let once = said.into_iter().filter(|(id, _)| ids.insert(*id));
            Ok(once.map(|(_, text)| text).collect::<Vec<_>>())
        })
        .await
        .unwrap();
        assert_eq!(stored, customer.said, "{}", customer.name);
        let before = seen[number].chats.len();
        assert_eq!(before, [1, 2, 1, 1, 1, 3, 1, 1, 1, 1][number], "chats of {}", customer.name);
    }

    // Seven say how it was; the supervisor reads it in the reports, to which the palette leads.
    let http = reqwest::Client::new();
    let acmes = sessions.iter().enumerate().filter(|(number, _)| *number != 1).map(|(_, session)| session);
    for ((chat, token), score) in acmes.zip([5, 5, 4, 3, 5, 5, 1]) {
        let url = format!("{}/v1/surveys/{chat}", acme.address());
        let body = json!({ "score": score, "text": "" });
        let told = http.post(url).bearer_auth(token.reveal()).json(&body).send().await.unwrap();
        assert_eq!(told.status(), 202);
    }
    let api = Api::agent(acme, "alma").await.unwrap();
    let to = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 1_000;
    baton_e2e::until("seven answers", || async {
        let report = api.get(&format!("reports?from={}&to={to}", to - 3_600_000)).await?;
        anyhow::ensure!(report["total"]["scores"] == json!([1, 0, 1, 1, 4]), "{report}");
        Ok(())
    })
    .await
    .unwrap();
    alma.browser.css("body").await.unwrap().send_keys(Key::Control + "k").await.unwrap();
    alma.browser.say("palette-search", "open reports").await.unwrap();
    alma.browser.shows("report-survey", "4 of 5 on average; answers: 7").await.unwrap();
    alma.browser.shows("survey-agents", "Anna").await.unwrap();
    alma.browser
        .script("document.querySelector('[data-test=report-survey]').scrollIntoView()")
        .await
        .unwrap();
    alma.browser.pictures("floor-reports").await.unwrap();
    baton_e2e::axe::check(&alma.browser, "reports with a survey").await.unwrap();
}

#[tokio::test]
async fn q1_an_agent_who_picks_up_by_hand_is_given_nobody_not_even_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_area("sales", "assign = \"longest_idle\"").unwrap();
    acme.start().await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let anna = Agent::at(&browsers, &acme, "anna", "Anna").await;
    let mut a = Customer::comes(&[&acme], 'A');
    a.is_with("Anna").await;
    anna.browser.click("given").await.unwrap();
    anna.browser.pictures("floor-given").await.unwrap();
    let api = Api::agent(&acme, "ada").await.unwrap();
    let is = async |key: &str| {
        baton_e2e::until(key, || async {
            let agents = api.get("agents").await?;
            let anna = agents.as_array().unwrap().iter().find(|agent| agent["name"] == "anna").cloned();
            anyhow::ensure!(anna.as_ref().is_some_and(|anna| anna[key] == true), "{anna:?}");
            Ok(())
        })
        .await
        .unwrap();
    };
    is("by_hand").await;
    let mut b = Customer::comes(&[&acme], 'B');
    b.waits().await;
    anna.picks_up(&b).await;
    anna.says(&mut b, "I came by myself.").await;
    acme.kill().unwrap();
    acme.start().await.unwrap();
    is("online").await;
    let mut c = Customer::comes(&[&acme], 'C');
    c.waits().await;
    anna.browser.css("[aria-label='Pick up Carla C']").await.unwrap();
    assert!(!anna.browser.find("given").await.unwrap().is_selected().await.unwrap());
    anna.browser.click("given").await.unwrap();
    c.is_with("Anna").await;
}

#[tokio::test]
async fn q1_whoever_is_away_is_given_nobody_after_a_restart_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_area("sales", "assign = \"longest_idle\"").unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    anna.send(&ClientFrame::SetPresence { presence: Presence::Away }).await.unwrap();
    let away = |frame: &ServerFrame| match frame {
        ServerFrame::Destinations { agents, .. } => {
            agents.iter().any(|agent| agent.name == "anna" && agent.presence == Presence::Away).then_some(())
        }
        _ => None,
    };
    anna.expect("that she is away", away).await.unwrap();
    acme.kill().unwrap();
    acme.start().await.unwrap();
    let mut carla = Customer::comes(&[&acme], 'A');
    carla.waits().await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    anna.expect("that she is away still", away).await.unwrap();
    // A message of hers is answered after everything that her login has brought about.
    anna.send(&ClientFrame::Ping { nonce: 7 }).await.unwrap();
    let next = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { .. } => Some(false),
        ServerFrame::Pong { nonce: 7 } => Some(true),
        _ => None,
    };
    assert!(anna.expect("an answer", next).await.unwrap(), "she was given somebody");
    anna.send(&ClientFrame::SetPresence { presence: Presence::Available }).await.unwrap();
    carla.is_with("Anna").await;
}

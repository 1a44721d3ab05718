//! The steps that the demo and the tests have in common, each as a person does it.

use anyhow::Result;

use crate::browser::{Browser, Browsers};
use crate::company::{Company, PASSWORD};

/// A customer on a company's website, with the chat open and a first question asked.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn customer(browsers: &Browsers, company: &Company, question: &str) -> Result<Browser> {
    let browser = browsers.open(1200, 800).await?;
    browser.go(&format!("{}/", company.site())).await?;
    browser.enter_widget().await?;
    browser.click("launcher").await?;
    ask(&browser, question).await?;
    Ok(browser)
}

/// What there is to read for those who wait at Acme's.
pub const HOLDING: &str = r#"
[[area.announcement]]
title = "Summer sale"
text = "All tents are <b>cheaper</b> until Monday."
offer = true
url = "https://www.acme.example/sale"

[[area.faq]]
question = "Do you ship abroad?"
answer = "Within Europe, in three to five days."

[[area.faq]]
question = "How do I return a tent?"
answer = "Within 30 days, in its own bag."

[[area.faq]]
question = "Which stove for the winter?"
answer = "One that burns white gas."

[[area.faq]]
question = "Can I rent a tent?"
answer = "In our shops, by the week."

[[area.link]]
title = "Size guide"
url = "https://www.acme.example/sizes"
"#;

/// A customer asks in the open chat.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn ask(customer: &Browser, question: &str) -> Result<()> {
    customer.type_into("name", "Carla").await?;
    customer.type_into("question", question).await?;
    customer.click("start").await?;
    customer.shows("message", question).await
}

/// An agent at the console.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn agent(browsers: &Browsers, company: &Company, login: &str) -> Result<Browser> {
    let browser = browsers.open(1280, 860).await?;
    browser.go(&company.console()).await?;
    browser.type_into("login-name", login).await?;
    browser.type_into("login-password", PASSWORD).await?;
    browser.click("login-submit").await?;
    browser.find("presence").await?;
    Ok(browser)
}

/// The agent takes the first waiting customer.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn pick_up(agent: &Browser) -> Result<()> {
    agent.click("pick-up").await?;
    agent.find("composer").await?;
    Ok(())
}

/// The agent hands the open chat over to an area of another company's server.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn transfer_to_server(agent: &Browser, server: &str, area: &str, comments: &str) -> Result<()> {
    choose_at_server(agent, server, area).await?;
    agent.type_into("comments", comments).await?;
    agent.click("transfer-submit").await
}

/// The agent opens the transfer dialog and chooses an area of another company's server.
///
/// # Errors
/// When a step cannot be done in time.
pub async fn choose_at_server(agent: &Browser, server: &str, area: &str) -> Result<()> {
    agent.click("transfer").await?;
    agent.click("transfer-tab-servers").await?;
    let choice = agent.find("server-select").await?;
    crate::until("the server in the list", || async {
        let option = choice.find(thirtyfour::By::Css(format!("option[value='{server}']"))).await?;
        option.click().await.map_err(Into::into)
    })
    .await?;
    choose(agent, area).await
}

/// Chooses the destination whose row shows this text.
///
/// # Errors
/// When there is none in time.
pub async fn choose(agent: &Browser, text: &str) -> Result<()> {
    crate::until(&format!("the destination {text:?}"), || async {
        for row in agent.driver.find_all(thirtyfour::By::Css("[data-test='destination']")).await? {
            if row.text().await?.contains(text) {
                return row.click().await.map_err(Into::into);
            }
        }
        anyhow::bail!("no destination shows {text:?}")
    })
    .await
}

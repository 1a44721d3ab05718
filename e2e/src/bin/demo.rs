//! The two-company demo: `cargo xtask demo`, and with `--check` one real transfer in headless browsers.

use anyhow::Result;
use baton_e2e::browser::Browsers;
use baton_e2e::company::{ACME, Company, GLOBEX, PASSWORD, Plan};
use baton_e2e::embed::Sites;
use baton_e2e::story;

#[tokio::main]
async fn main() -> Result<()> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let (check, overload) = (has("--check"), has("--overload"));
    let folder = tempfile::tempdir()?;
    let at = |plan, port, site_port| if check { plan } else { Plan { port, site_port, ..plan } };
    let mut acme = Company::set_up(at(ACME, 7101, 7100), folder.path()).await?;
    let mut globex = Company::set_up(at(GLOBEX, 7201, 7200), folder.path()).await?;
    if overload {
        overload_rules(&acme, &globex)?;
    }
    let sites = Sites::set_up(&acme, if check { 0 } else { 7102 }).await?;
    acme.start().await?;
    globex.start().await?;
    acme.trust(&globex, "in-place")?;
    globex.trust(&acme, "in-place")?;
    // The policies of its pages say whom the chat may reach.
    let shop = sites.serve(&acme)?;
    match (check, overload) {
        (true, false) => one_transfer(&acme, &globex).await?,
        (true, true) => one_too_many(&acme, &globex).await?,
        (false, _) => show(&acme, &globex, &shop, overload).await?,
    }
    globex.stop()?;
    acme.stop()
}

/// The settings of `examples/overload`, in the areas that they are for.
fn overload_rules(acme: &Company, globex: &Company) -> Result<()> {
    let sales = include_str!("../../../examples/overload/acme-sales.toml");
    let repairs = include_str!("../../../examples/overload/globex-repairs.toml");
    acme.configure_after("name = \"sales\"\ntitle = \"Sales\"\n", sales)?;
    globex.configure_after("name = \"repairs\"\ntitle = \"Repairs\"\n", repairs)
}

async fn show(acme: &Company, globex: &Company, shop: &str, overload: bool) -> Result<()> {
    println!("\nTwo companies are running.\n");
    for company in [acme, globex] {
        println!("  {}", company.plan().title);
        println!("    website  {}/", company.site());
        println!("    console  {}", company.console());
        for (login, _, areas, role) in company.plan().agents {
            println!("             {login} ({role}: {}), password: {PASSWORD}", areas.join(", "));
        }
    }
    println!("  Four more websites with Acme's chat (examples/website-embed)");
    for site in ["plain", "strict", "shadow", "app"] {
        println!("    {shop}/{site}/");
    }
    let story = if overload {
        "Log in as gus at Globex's console and as nobody at Acme's. Start a chat on Acme's website, and another one\n\
         in a second window: the last one, and whoever comes in the next minute, is sent to Globex without a click."
    } else {
        "Open Acme's website and start a chat; log in to both consoles, pick the customer up at Acme's,\n\
         press Transfer, choose Servers, Globex Repairs. The customer does nothing."
    };
    println!("\n{story} Ctrl-C stops all.\n");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// A waiting and a new customer are sent to the backup; nobody clicks anything.
async fn one_too_many(acme: &Company, globex: &Company) -> Result<()> {
    let browsers = Browsers::start().await?;
    let gus = story::agent(&browsers, globex, "gus").await?;
    let first = story::customer(&browsers, acme, "Is anybody there?").await?;
    first.shows("state", "number").await?;
    let waiting = story::customer(&browsers, acme, "I wait as well.").await?;
    waiting.shows("brand", globex.plan().title).await?;
    first.picture("overload-first-customer-waits").await?;
    waiting.picture("overload-waiting-customer-was-sent-on").await?;
    let came = std::time::Instant::now();
    let new = story::customer(&browsers, acme, "And I have just come.").await?;
    new.shows("brand", globex.plan().title).await?;
    let seconds = came.elapsed().as_secs_f64();
    // One is not too many.
    first.shows("brand", acme.plan().title).await?;
    new.picture("overload-new-customer-was-sent-on").await?;
    gus.picture("overload-backup-console").await?;
    story::pick_up(&gus).await?;
    println!("{{\"check\":\"ok\",\"new_customer_at_backup_seconds\":{seconds:.2}}}");
    Ok(())
}

async fn one_transfer(acme: &Company, globex: &Company) -> Result<()> {
    let browsers = Browsers::start().await?;
    let (gus, anna) =
        (story::agent(&browsers, globex, "gus").await?, story::agent(&browsers, acme, "anna").await?);
    let customer = story::customer(&browsers, acme, "My stove leaks. Can you mend it?").await?;
    story::pick_up(&anna).await?;
    anna.say("composer", "Our partner can. I will hand you over.").await?;
    customer.shows("message", "hand you over").await?;
    let clicked = std::time::Instant::now();
    story::transfer_to_server(&anna, "globex", "Repairs", "Ember stove, leaks at the valve.").await?;
    customer.shows("brand", globex.plan().title).await?;
    let seconds = clicked.elapsed().as_secs_f64();
    story::pick_up(&gus).await?;
    gus.shows("handover-comments", "leaks at the valve").await?;
    gus.say("composer", "Hello Carla, Globex here.").await?;
    customer.shows("message", "Globex here").await?;
    println!("{{\"check\":\"ok\",\"transfer_seconds\":{seconds:.2}}}");
    Ok(())
}

//! The two-company demo: `cargo xtask demo`, and with `--check` one real transfer in headless browsers.

use anyhow::Result;
use baton_e2e::browser::Browsers;
use baton_e2e::company::{ACME, Company, GLOBEX, PASSWORD, Plan};
use baton_e2e::embed::Sites;
use baton_e2e::story;

#[tokio::main]
async fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let folder = tempfile::tempdir()?;
    let at = |plan, port, site_port| if check { plan } else { Plan { port, site_port, ..plan } };
    let mut acme = Company::set_up(at(ACME, 7101, 7100), folder.path()).await?;
    let mut globex = Company::set_up(at(GLOBEX, 7201, 7200), folder.path()).await?;
    let sites = Sites::set_up(&acme, if check { 0 } else { 7102 }).await?;
    acme.start().await?;
    let shop = sites.serve(&acme)?;
    globex.start().await?;
    acme.trust(&globex, "in-place")?;
    globex.trust(&acme, "in-place")?;
    if check {
        one_transfer(&acme, &globex).await?
    } else {
        show(&acme, &globex, &shop).await?
    }
    globex.stop()?;
    acme.stop()
}

async fn show(acme: &Company, globex: &Company, shop: &str) -> Result<()> {
    println!("\nTwo companies are running.\n");
    for company in [acme, globex] {
        println!("  {}", company.plan().title);
        println!("    website  {}/", company.site());
        println!("    console  {}", company.console());
        for (login, _, areas, role) in company.plan().agents {
            println!("             {login} ({role}: {}), password: {PASSWORD}", areas.join(", "));
        }
    }
    println!("  Three more websites with Acme's chat (examples/website-embed)");
    for site in ["plain", "strict", "app"] {
        println!("    {shop}/{site}/");
    }
    println!(
        "\nOpen Acme's website and start a chat; log in to both consoles, pick the customer up at Acme's,"
    );
    println!(
        "press Transfer, choose Servers, Globex Repairs. The customer does nothing. Ctrl-C stops all.\n"
    );
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
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

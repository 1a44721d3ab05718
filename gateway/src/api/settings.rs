//! The settings that are no concern of the machine: areas with their hours and what waiting customers read, policies,
//! skills, how the company shows itself.
//!
//! They stay where they are, in the operator's own file: what is changed is written into it, its other lines and
//! comments as they were, and checked by the same rules as ever. Then the gateway reads them again. Addresses,
//! certificates and files cannot be changed from afar.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Mistake, Problem, Sent};
use crate::config::{Config, ConfigError, FILE};
use crate::edge::http::App;
use crate::hex;
use crate::store::{Change, Scope};

/// What can be changed from here.
const OPEN: [&str; 9] = ["title", "subject", "accent", "area", "policy", "skill", "field", "end", "console"];

/// Levels within settings.
const DEPTH: usize = 8;

/// Time for the answer to leave before the gateway starts again.
const SOON: Duration = Duration::from_millis(300);

/// Two administrators do not write at the same time.
static WRITING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Settings, and the version that they are.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Of which version these are. Whoever writes names the version that they have read.
    version: String,
    /// `title`, `subject`, `accent`, `area`, `policy`, `skill`, `field`, `end` and `console`, as the settings' file has them.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

fn file(config: &Config) -> PathBuf {
    config.folder.join(FILE)
}

fn version(text: &str) -> String {
    hex(&Sha256::digest(text)[..16])
}

fn open(text: &str) -> anyhow::Result<Map<String, Value>> {
    let whole: Map<String, Value> = toml::from_str(text).context("the settings cannot be read")?;
    Ok(whole.into_iter().filter(|(key, _)| OPEN.contains(&key.as_str())).collect())
}

/// The settings that can be changed here.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", security(("session" = []), ("key" = [])),
    responses((status = 200, body = Settings), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read(State(app): State<App>, caller: Caller) -> Result<Json<Settings>, Problem> {
    caller.may_read(Scope::Settings)?;
    let text = std::fs::read_to_string(file(&app.gateway.config)).context("the settings' file")?;
    Ok(Json(Settings { version: version(&text), settings: open(&text)? }))
}

/// Change settings. What is named takes the place of what was there; what is not named stays. The gateway starts again
/// with them: connections come back by themselves within a few seconds.
#[utoipa::path(put, path = "/api/v1/settings", tag = "settings", security(("session" = []), ("key" = [])),
    request_body = Settings,
    responses((status = 200, body = Settings), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn write(
    State(app): State<App>,
    caller: Caller,
    Sent(wanted): Sent<Settings>,
) -> Result<Json<Settings>, Problem> {
    caller.may_change(Scope::Settings)?;
    let _turn = WRITING.lock().await;
    let path = file(&app.gateway.config);
    let before = std::fs::read_to_string(&path).context("the settings' file")?;
    if version(&before) != wanted.version {
        return Err(Problem::conflict("somebody else has changed the settings meanwhile: read them again"));
    }
    let (text, changed) = edit(&before, wanted.settings)?;
    if changed.is_empty() {
        return Ok(Json(Settings { version: version(&before), settings: open(&before)? }));
    }
    match Config::parse(&text, &path) {
        Ok(_) => {}
        Err(ConfigError::Wrong { mistakes, .. }) => {
            let said = mistakes.into_iter().map(|it| Mistake { what: it.what, example: it.example });
            return Err(Problem::mistakes(said.collect()));
        }
        Err(error) => return Err(Problem::ours(&error)),
    }
    replace(&path, &before, &text)?;
    caller.change(&app, Change::Elsewhere, "settings".into(), &changed.join(", ")).await?;
    let gateway = app.gateway.clone();
    tokio::spawn(async move {
        // waits: until the answer is on its way.
        tokio::time::sleep(SOON).await;
        if let Err(error) = gateway.reload().await {
            tracing::error!("what was just written does not count: {error}");
        }
    });
    Ok(Json(Settings { version: version(&text), settings: open(&text)? }))
}

/// All or nothing; what was there before is kept beside it.
fn replace(path: &Path, before: &str, text: &str) -> anyhow::Result<()> {
    let beside = |end: &str| path.with_extension(format!("toml.{end}"));
    let mode = std::fs::metadata(path)?.permissions();
    std::fs::write(beside("before"), before).context("the settings' file cannot be kept")?;
    let new = beside("new");
    std::fs::write(&new, text).context("the settings' file cannot be written")?;
    std::fs::set_permissions(&new, mode)?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(&new, path).context("the settings' file cannot be replaced")
}

/// The file with these settings, and which of them are others than before.
fn edit(text: &str, wanted: Map<String, Value>) -> Result<(String, Vec<String>), Problem> {
    let mut document: DocumentMut = text.parse().map_err(|error| Problem::ours(&error))?;
    let before = open(text)?;
    let mut changed = Vec::new();
    for (key, value) in wanted {
        if !OPEN.contains(&key.as_str()) {
            return Err(Problem::wrong(format!("`{key}` is changed at the gateway's own machine")));
        }
        if before.get(&key) == Some(&value) {
            continue;
        }
        if value.is_null() {
            document.remove(&key);
        } else {
            let mut item =
                item(&value, DEPTH).ok_or_else(|| Problem::wrong(format!("`{key}` cannot be written so")))?;
            if let Some(old) = document.get(&key) {
                keep_words(old, &mut item);
            }
            document.insert(&key, item);
        }
        changed.push(key);
    }
    Ok((document.to_string(), changed))
}

/// The comments before a setting stay.
fn keep_words(old: &Item, new: &mut Item) {
    fn first(item: &mut Item) -> Option<&mut Table> {
        match item {
            Item::Table(table) => Some(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().next(),
            _ => None,
        }
    }
    let mut old = old.clone();
    match (first(&mut old), first(new)) {
        (Some(old), Some(new)) => {
            *new.decor_mut() = old.decor().clone();
            new.set_position(old.position());
        }
        _ => {
            if let (Some(old), Some(new)) = (old.as_value(), new.as_value_mut()) {
                *new.decor_mut() = old.decor().clone();
            }
        }
    }
}

/// A JSON value as TOML writes it.
fn item(value: &Value, depth: usize) -> Option<Item> {
    let deeper = depth.checked_sub(1)?;
    Some(match value {
        Value::Object(members) => Item::Table(table(members, deeper)?),
        Value::Array(members) if !members.is_empty() && members.iter().all(Value::is_object) => {
            let mut tables = ArrayOfTables::new();
            for member in members.iter().filter_map(Value::as_object) {
                tables.push(table(member, deeper)?);
            }
            Item::ArrayOfTables(tables)
        }
        other => Item::Value(plain(other, deeper)?),
    })
}

fn table(members: &Map<String, Value>, depth: usize) -> Option<Table> {
    let mut table = Table::new();
    // Plain values first: what follows a heading belongs to it.
    let (below, plain): (Vec<_>, Vec<_>) =
        members.iter().filter(|(_, value)| !value.is_null()).partition(|(_, value)| {
            value.is_object()
                || value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_object))
        });
    for (key, value) in plain.into_iter().chain(below) {
        table.insert(key, item(value, depth)?);
    }
    Some(table)
}

fn plain(value: &Value, depth: usize) -> Option<toml_edit::Value> {
    let deeper = depth.checked_sub(1)?;
    Some(match value {
        Value::String(text) => text.as_str().into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => number.as_i64()?.into(),
        Value::Array(members) => {
            let members: Option<Vec<_>> = members.iter().map(|member| plain(member, deeper)).collect();
            toml_edit::Value::Array(members?.into_iter().collect())
        }
        Value::Null | Value::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "# Ours.\nname = \"acme\"\ntitle = \"Acme\" # seen by all\nurl = \"https://a.example\"\n\
        listen = \"127.0.0.1:1\"\n\n# What customers can ask for.\n[[area]]\nname = \"sales\"\ntitle = \"Sales\"\n\n\
        [limits]\n# connections = 20000\nmax_chats = 3\n";

    fn edited(wanted: Value) -> Result<(String, Vec<String>), Problem> {
        edit(TEXT, wanted.as_object().unwrap().clone())
    }

    #[test]
    fn what_is_not_changed_stays_word_for_word() {
        let same = open(TEXT).unwrap();
        let (text, changed) = edit(TEXT, same).unwrap();
        assert_eq!((text.as_str(), changed.len()), (TEXT, 0));
        let (text, changed) = edited(json!({ "title": "Acme Outdoor" })).unwrap();
        assert_eq!(text, TEXT.replace("\"Acme\"", "\"Acme Outdoor\""));
        assert_eq!(changed, ["title"]);
    }

    #[test]
    fn areas_are_written_where_they_were_and_can_be_read() {
        let areas = json!({ "area": [
            { "name": "sales", "title": "Sales", "hours": ["Mon-Fri 09:00-17:00"], "time_zone": "Europe/Berlin",
              "faq": [{ "question": "Abroad?", "answer": "Yes." }] },
            { "name": "bills", "title": "Bills", "reserve": 2 }] });
        let (text, _) = edited(areas).unwrap();
        let config = Config::parse(&text, Path::new("baton.toml")).unwrap();
        let names: Vec<&str> = config.areas.iter().map(|area| area.name.as_str()).collect();
        assert_eq!(names, ["sales", "bills"]);
        assert_eq!(config.holding["sales"].faqs[0].answer, "Yes.");
        assert!(config.desk.hours.contains_key("sales"));
        assert_eq!(config.limits.max_chats, 3);
        for kept in ["# Ours.", "# seen by all", "# What customers can ask for.", "# connections = 20000"] {
            assert!(text.contains(kept), "{kept} is gone:\n{text}");
        }
        assert!(text.find("[[area]]") < text.find("[limits]"), "{text}");
    }

    #[test]
    fn s2_the_machines_own_settings_are_not_changed_from_afar() {
        for key in [
            "listen",
            "url",
            "tls",
            "identity",
            "mail",
            "documents",
            "trusted_proxies",
            "limits",
            "sites",
            "oidc",
        ] {
            assert!(edited(json!({ key: "x" })).is_err(), "{key}");
        }
        let mut deep = json!("x");
        for _ in 0..20 {
            deep = json!([deep]);
        }
        assert!(edited(json!({ "policy": deep })).is_err());
    }
}

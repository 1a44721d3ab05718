//! What administrators change, together with the audit's record of it.

use baton_core::audit;
use baton_protocol::SecretDigest;
use baton_protocol::model::Presence;
use rusqlite::{Connection, params};

use super::replies;
use super::rows::to_json;
use super::writer::keep;
use crate::store::{AgentRow, Change, PeerRow};

pub(super) fn make(db: &Connection, change: Change, record: &audit::Record) -> rusqlite::Result<bool> {
    let removed = |sql: &str, name: &str| db.execute(sql, [name]).map(|count| count > 0);
    let made = match change {
        Change::PutAgent(agent) => replace_agent(db, &agent).map(|()| true)?,
        Change::RemoveAgent(name) => {
            remove_tokens(db, &name, None)?;
            removed("DELETE FROM agent WHERE name = ?1", &name)?
        }
        Change::SetByHand(name, on) => {
            let sql = "UPDATE agent SET record = json_set(record, '$.by_hand', json(?2))
                       WHERE name = ?1 AND coalesce(json_extract(record, '$.by_hand'), 0) <> ?3";
            db.execute(sql, params![name, if on { "true" } else { "false" }, on])? > 0
        }
        Change::PutPeer(peer) => put_peer(db, &peer).map(|()| true)?,
        Change::RemovePeer(name) => remove_peer(db, &name)?,
        Change::PutReply(row, most) => replies::put(db, &row, most)?,
        Change::RemoveReply(id) => replies::remove(db, id)?,
        Change::PutKey(key) => {
            let sql = "INSERT INTO api_key (id, record) VALUES (?1, ?2)";
            db.execute(sql, params![key.id, to_json(&key)?])? > 0
        }
        Change::RemoveKey(id) => removed("DELETE FROM api_key WHERE id = ?1", &id)?,
        Change::Elsewhere => true,
    };
    if made {
        keep(db, record)?;
    }
    Ok(made)
}

pub(super) fn set_presence(db: &Connection, name: &str, presence: Presence) -> rusqlite::Result<()> {
    let sql = "UPDATE agent SET record = json_set(record, '$.presence', json(?2)) WHERE name = ?1";
    db.execute(sql, params![name, to_json(&presence)?]).map(drop)
}

/// With the same password the logins stay.
fn replace_agent(db: &Connection, agent: &AgentRow) -> rusqlite::Result<()> {
    let sql = "SELECT json_extract(record, '$.password_hash') = ?2 FROM agent WHERE name = ?1";
    let key = params![agent.name, agent.password_hash.reveal()];
    let same: bool = db.query_row(sql, key, |row| row.get(0)).unwrap_or(false);
    if !same {
        remove_tokens(db, &agent.name, None)?;
    }
    write_agent(db, agent)
}

pub(super) fn put_agent(db: &Connection, agent: &AgentRow) -> rusqlite::Result<()> {
    remove_tokens(db, &agent.name, None)?;
    write_agent(db, agent)
}

fn write_agent(db: &Connection, agent: &AgentRow) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO agent (name, record) VALUES (?1, ?2)";
    db.execute(sql, params![agent.name, to_json(agent)?]).map(drop)
}

pub(super) fn put_peer(db: &Connection, peer: &PeerRow) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO peer (name, record) VALUES (?1, ?2)";
    db.execute(sql, params![peer.name, to_json(peer)?]).map(drop)
}

pub(super) fn remove_peer(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(db.execute("DELETE FROM peer WHERE name = ?1", [name])? > 0)
}

pub(super) fn remove_tokens(db: &Connection, name: &str, one: Option<SecretDigest>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM agent_token WHERE name = ?1 AND (?2 IS NULL OR token = ?2)";
    db.execute(sql, params![name, one.map(|digest| digest.0)]).map(drop)
}

//! Reports: how many chats, how long customers waited, what became of them; by day, area, agent, destination, outcome.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use baton_core::audit::{Record, Step};
use baton_core::session::Survey;
use baton_protocol::{Timestamp, TransferId};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{Asked, Problem};
use crate::edge::http::App;
use crate::store::Scope;
use crate::store::facts::Facts;

/// Chats of one report, at most: what is counted in a few seconds.
const MOST_CHATS: u32 = 200_000;

/// Records of the audit of one report, at most.
const MOST_RECORDS: u32 = 500_000;

/// Milliseconds that a report covers, at most: a year and a day.
const LONGEST: u64 = 367 * 24 * 60 * 60 * 1_000;

/// What customers can say in the survey: 1 to so many.
const SCORES: usize = *Survey::SCORES.end() as usize;

/// Of which time.
#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// From this time on, in milliseconds since 1970.
    from: u64,
    /// Before this time, in milliseconds since 1970.
    to: u64,
    /// The time zone that days are of; `UTC` without it.
    zone: Option<String>,
}

/// As [`Which`], and which table.
#[derive(Deserialize, IntoParams)]
pub struct WhichTable {
    /// From this time on, in milliseconds since 1970.
    from: u64,
    /// Before this time, in milliseconds since 1970.
    to: u64,
    /// The time zone that days are of; `UTC` without it.
    zone: Option<String>,
    /// `days`, `areas`, `agents`, `transfers` or `outcomes`.
    by: String,
}

/// A report.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Report {
    /// All of it.
    total: Line,
    /// By the day on which the chat came.
    days: Vec<Line>,
    /// By area.
    areas: Vec<Line>,
    /// By the agent who had the chat first.
    agents: Vec<Line>,
    /// By the destination of transfers.
    transfers: Vec<Transfers>,
    /// By what came of it.
    outcomes: Vec<Line>,
}

/// Chats that have something in common. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Line {
    /// What they have in common.
    name: String,
    /// How many.
    chats: u32,
    /// Of them, customers who left before an agent had them.
    abandoned: u32,
    /// Of them, customers who went to another server.
    left: u32,
    /// The median time until an agent picked the customer up.
    wait: Option<u32>,
    /// Nine of ten waited no longer.
    wait_p90: Option<u32>,
    /// The median time until an agent said the first word.
    first_response: Option<u32>,
    /// The median time from the pick-up to the end.
    handling: Option<u32>,
    /// Customers who have said how they found it.
    answers: u32,
    /// The average of what they have said, from 1 to 5, to two digits.
    score: Option<f64>,
    /// How many have said 1, 2, 3, 4 and 5.
    scores: [u32; SCORES],
}

/// Transfers to one destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Transfers {
    /// The destination.
    to: String,
    /// How many were tried.
    tried: u32,
    /// Of them, those whose customer arrived.
    arrived: u32,
    /// Those that policy denied.
    denied: u32,
    /// Those that came to nothing.
    failed: u32,
}

/// Chats of a time.
#[utoipa::path(get, path = "/api/v1/reports", tag = "reports", security(("session" = []), ("key" = [])), params(Which),
    responses((status = 200, body = Report), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn report(
    State(app): State<App>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(make(&app, &caller, which).await?))
}

/// One table of a report, as a file for spreadsheets.
#[utoipa::path(get, path = "/api/v1/reports.csv", tag = "reports", security(("session" = []), ("key" = [])), params(WhichTable),
    responses((status = 200, body = String, content_type = "text/csv"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn table(
    State(app): State<App>,
    caller: Caller,
    Asked(WhichTable { from, to, zone, by }): Asked<WhichTable>,
) -> Result<Response, Problem> {
    let report = make(&app, &caller, Which { from, to, zone }).await?;
    let text = csv(&report, &by)
        .ok_or_else(|| Problem::wrong("`by` is days, areas, agents, transfers or outcomes"))?;
    let name = format!("attachment; filename=\"{by}.csv\"");
    let kind = "text/csv; charset=utf-8".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], text).into_response())
}

async fn make(app: &App, caller: &Caller, which: Which) -> Result<Report, Problem> {
    caller.may_read(Scope::Reports)?;
    let (from, to) = (Timestamp(which.from), Timestamp(which.to));
    if from >= to || to.since(from) > LONGEST {
        return Err(Problem::wrong("`from` is before `to`, and not more than a year"));
    }
    let zone = which.zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(zone).map_err(|_| Problem::wrong(format!("there is no time zone {zone:?}")))?;
    let facts = app.gateway.store.facts(from, to, MOST_CHATS + 1).await?;
    if facts.len() > MOST_CHATS as usize {
        return Err(Problem::wrong(format!("there are more than {MOST_CHATS} chats: choose a shorter time")));
    }
    let records = app.gateway.store.audit(from, MOST_RECORDS).await?;
    let records: Vec<Record> = records.into_iter().filter(|record| record.at < to).collect();
    let title = |area: &str| app.gateway.settings.area_title(area).unwrap_or(area).to_owned();
    Ok(count(&facts, &records, &zone, title))
}

/// Puts together what there is.
fn count(facts: &[Facts], records: &[Record], zone: &TimeZone, title: impl Fn(&str) -> String) -> Report {
    let by = |name: &dyn Fn(&Facts) -> Option<String>| {
        let mut groups: BTreeMap<String, Vec<&Facts>> = BTreeMap::new();
        for facts in facts {
            if let Some(name) = name(facts) {
                groups.entry(name).or_default().push(facts);
            }
        }
        groups.into_iter().map(|(name, facts)| line(name, &facts)).collect::<Vec<_>>()
    };
    let all: Vec<&Facts> = facts.iter().collect();
    Report {
        total: line("total".into(), &all),
        days: by(&|facts| Some(day(facts.since, zone))),
        areas: by(&|facts| Some(title(&facts.area))),
        agents: by(&|facts| facts.agents.first().cloned()),
        transfers: transfers(records),
        outcomes: by(&|facts| facts.disposition.clone()),
    }
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    let at = i64::try_from(at.0).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map(|at| at.to_zoned(zone.clone()).date().to_string()).unwrap_or_default()
}

fn line(name: String, facts: &[&Facts]) -> Line {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let count = |fits: &dyn Fn(&Facts) -> bool| number(facts.iter().filter(|facts| fits(facts)).count());
    let times = |of: &dyn Fn(&Facts) -> Option<u64>| {
        let mut times: Vec<u64> = facts.iter().filter_map(|facts| of(facts)).collect();
        times.sort_unstable();
        times
    };
    // Somebody who left a message does not wait for the answer.
    let present = |facts: &Facts| !facts.message;
    let waits = times(&|it| Some(it.joined?.since(it.since)).filter(|_| present(it)));
    let words = times(&|it| Some(it.answered?.since(it.since)).filter(|_| present(it)));
    let served = times(&|it| Some(it.ended.filter(|_| it.over)?.since(it.joined?)));
    let scores = scores(facts);
    Line {
        name,
        chats: number(facts.len()),
        abandoned: count(&|it| it.over && it.joined.is_none() && !it.left && present(it)),
        left: count(&|it| it.left),
        wait: part(&waits, 50),
        wait_p90: part(&waits, 90),
        first_response: part(&words, 50),
        handling: part(&served, 50),
        answers: scores.iter().sum(),
        score: average(scores),
        scores,
    }
}

/// How many have said 1, 2, and so on.
fn scores(facts: &[&Facts]) -> [u32; SCORES] {
    let mut scores = [0; SCORES];
    for score in facts.iter().filter_map(|facts| facts.score) {
        // What is stored was checked; what is not 1 or more is not counted.
        if let Some(count) = usize::from(score).checked_sub(1).and_then(|at| scores.get_mut(at)) {
            *count += 1;
        }
    }
    scores
}

/// Their average, to two digits: more would say more than some hundred answers can.
fn average(scores: [u32; SCORES]) -> Option<f64> {
    let (mut answers, mut sum) = (0, 0);
    for (score, count) in (1..).zip(scores) {
        (answers, sum) = (answers + u64::from(count), sum + score * u64::from(count));
    }
    let hundredths = (sum * 100 + answers / 2).checked_div(answers)?;
    u32::try_from(hundredths).ok().map(|hundredths| f64::from(hundredths) / 100.0)
}

/// The time that so many of a hundred do not exceed (nearest rank), in seconds.
fn part(times: &[u64], percent: usize) -> Option<u32> {
    let rank = (times.len() * percent).div_ceil(100).max(1);
    let time = times.get(rank - 1)?;
    Some(u32::try_from(time.div_ceil(1_000)).unwrap_or(u32::MAX))
}

fn transfers(records: &[Record]) -> Vec<Transfers> {
    /// How far one transfer came.
    #[derive(Default)]
    struct One<'r> {
        to: &'r str,
        denied: bool,
        arrived: bool,
        failed: bool,
        received: bool,
    }
    let mut all: BTreeMap<TransferId, One<'_>> = BTreeMap::new();
    for record in records {
        let Some(transfer) = record.transfer else { continue };
        let one = all.entry(transfer).or_default();
        match record.step {
            Step::Permitted { .. } | Step::Sent(_) => one.to = &record.to,
            Step::Denied { .. } => (one.to, one.denied) = (&record.to, true),
            Step::Received(_) => one.received = true,
            Step::Arrived => one.arrived = true,
            Step::Failed { .. } | Step::Lapsed => one.failed = true,
            _ => {}
        }
    }
    let mut groups: BTreeMap<&str, Transfers> = BTreeMap::new();
    // What came from elsewhere is the other server's transfer.
    for one in all.values().filter(|one| !one.received && !one.to.is_empty()) {
        let group =
            groups.entry(one.to).or_insert_with(|| Transfers { to: one.to.into(), ..Transfers::default() });
        group.tried += 1;
        group.arrived += u32::from(one.arrived);
        group.denied += u32::from(one.denied);
        group.failed += u32::from(one.failed && !one.arrived);
    }
    groups.into_values().collect()
}

fn csv(report: &Report, by: &str) -> Option<String> {
    let lines = match by {
        "days" => &report.days,
        "areas" => &report.areas,
        "agents" => &report.agents,
        "outcomes" => &report.outcomes,
        "transfers" => {
            let rows = report.transfers.iter().map(|it| {
                format!("{},{},{},{},{}\r\n", cell(&it.to), it.tried, it.arrived, it.denied, it.failed)
            });
            return Some(format!("to,tried,arrived,denied,failed\r\n{}", rows.collect::<String>()));
        }
        _ => return None,
    };
    let time = |time: Option<u32>| time.map(|time| time.to_string()).unwrap_or_default();
    let rows = lines.iter().map(|line| {
        let times = [line.wait, line.wait_p90, line.first_response, line.handling].map(time).join(",");
        let score = line.score.map(|score| score.to_string()).unwrap_or_default();
        let scores = line.scores.map(|count| count.to_string()).join(",");
        let counts = [line.chats, line.abandoned, line.left].map(|count| count.to_string()).join(",");
        format!("{},{counts},{times},{},{score},{scores}\r\n", cell(&line.name), line.answers)
    });
    let head = "name,chats,abandoned,left,wait,wait_p90,first_response,handling,\
                answers,score,score_1,score_2,score_3,score_4,score_5\r\n";
    Some(format!("{head}{}", rows.collect::<String>()))
}

/// A cell as RFC 4180 writes it. What a spreadsheet would take for a formula is no longer one.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_protocol::ErrorCode;
    use baton_protocol::model::SharePolicy;

    fn facts(since: u64, joined: Option<u64>, ended: Option<u64>) -> Facts {
        Facts {
            area: "sales".into(),
            since: Timestamp(since * 1_000),
            agents: joined.map(|_| "Anna".to_owned()).into_iter().collect(),
            joined: joined.map(|at| Timestamp(at * 1_000)),
            answered: joined.map(|at| Timestamp(at * 1_000 + 2_000)),
            ended: ended.map(|at| Timestamp(at * 1_000)),
            over: ended.is_some(),
            ..Facts::default()
        }
    }

    fn counted(facts: &[Facts], records: &[Record]) -> Report {
        count(facts, records, &TimeZone::UTC, |area| area.to_uppercase())
    }

    #[test]
    fn waits_and_ends_are_counted_by_what_chats_have_in_common() {
        let day = 86_400;
        let all = [
            facts(0, Some(10), Some(100)),
            facts(5, Some(35), Some(95)),
            facts(6, None, Some(60)),
            facts(day, Some(day + 20), None),
        ];
        let report = counted(&all, &[]);
        let total = &report.total;
        assert_eq!((total.chats, total.abandoned), (4, 1));
        assert_eq!((total.wait, total.wait_p90), (Some(20), Some(30)));
        assert_eq!((total.first_response, total.handling), (Some(22), Some(60)));
        let days: Vec<(&str, u32)> =
            report.days.iter().map(|line| (line.name.as_str(), line.chats)).collect();
        assert_eq!(days, [("1970-01-01", 3), ("1970-01-02", 1)]);
        assert_eq!((report.areas[0].name.as_str(), report.areas[0].chats), ("SALES", 4));
        assert_eq!((report.agents[0].name.as_str(), report.agents[0].chats), ("Anna", 3));
        assert_eq!(counted(&[], &[]).total.wait, None);
    }

    #[test]
    fn answers_to_the_survey_are_counted_beside_their_chats() {
        let said = |score| Facts { score, ..facts(0, Some(10), Some(100)) };
        let all = [said(Some(5)), said(Some(5)), said(Some(3)), said(None), facts(6, None, Some(60))];
        let report = counted(&all, &[]);
        for line in [&report.days[0], &report.areas[0], &report.agents[0], &report.total] {
            assert_eq!((line.answers, line.score, line.scores), (3, Some(4.33), [0, 0, 1, 0, 2]), "{line:?}");
        }
        let text = csv(&report, "agents").unwrap();
        assert_eq!(text.lines().nth(1), Some("\"Anna\",4,0,0,10,10,12,90,3,4.33,0,0,1,0,2"));
        assert_eq!(text.lines().next().unwrap().split(',').count(), 15);
        assert_eq!(counted(&[said(None)], &[]).total.score, None);
        assert_eq!(average([1, 0, 0, 0, 0]), Some(1.0));
        assert_eq!(average([0, 0, 0, 0, 7]), Some(5.0));
    }

    #[test]
    fn transfers_are_counted_once_each_by_how_they_ended() {
        let record = |number: u8, to: &str, step: Step| Record {
            at: Timestamp(1),
            chat: None,
            transfer: Some(TransferId([number; 16])),
            agent: "anna".into(),
            peer: None,
            to: to.into(),
            step,
        };
        let permitted = || Step::Permitted { rule: "all".into(), share: SharePolicy::All };
        let records = [
            record(1, "Globex", permitted()),
            record(1, "Globex", Step::Arrived),
            record(2, "Globex", permitted()),
            record(2, "Globex", Step::Failed { code: ErrorCode::NoAnswer }),
            record(3, "Billing", Step::Denied { rule: "x".into(), reason: "no".into() }),
            record(4, "Sales", Step::Received(baton_core::audit::Left::default())),
            record(4, "Sales", Step::Arrived),
        ];
        let counted = counted(&[], &records).transfers;
        let shown: Vec<_> =
            counted.iter().map(|it| (it.to.as_str(), it.tried, it.arrived, it.denied, it.failed)).collect();
        assert_eq!(shown, [("Billing", 1, 0, 1, 0), ("Globex", 2, 1, 0, 1)]);
    }

    #[test]
    fn s2_a_name_is_no_formula_in_a_spreadsheet() {
        assert_eq!(cell("=cmd|'/c calc'!A1"), "\"'=cmd|'/c calc'!A1\"");
        assert_eq!(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
        let mut report = counted(&[facts(0, Some(10), Some(100))], &[]);
        report.areas[0].name = "=1+1".into();
        let text = csv(&report, "areas").unwrap();
        assert_eq!(text.lines().nth(1), Some("\"'=1+1\",1,0,0,10,10,12,90,0,,0,0,0,0,0"));
        assert!(csv(&report, "nonsense").is_none());
    }
}

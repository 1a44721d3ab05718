//! What customers said in the survey: how often each score was given, by day, and the tables of it.

use leptos::prelude::*;
use serde_json::Value;

use super::super::api::{number, text};
use super::super::tongue::{day, number as written};
use super::reports::{Csv, Plot, count, list};
use crate::tongue::{say, t, tr};

/// What the best and the worst score mean; those between speak for themselves.
const SCORES: [&str; 5] = [tr("1, very bad"), "2", "3", "4", tr("5, very good")];

/// Scores from here on are good ones.
const GOOD: usize = 3;

/// The average, as people write it.
pub(super) fn average(line: &Value) -> String {
    line.get("score")
        .and_then(Value::as_f64)
        .map_or("–".into(), |score| written((score * 100.0).round() / 100.0))
}

fn scores(line: &Value) -> Vec<u64> {
    let scores = line.get("scores").and_then(Value::as_array);
    scores.into_iter().flatten().map(|count| count.as_u64().unwrap_or(0)).collect()
}

fn answered(lines: Vec<Value>) -> Vec<Value> {
    lines.into_iter().filter(|line| number(line, "answers") > 0).collect()
}

/// See the module. Nothing where nobody has answered.
#[component]
pub fn Survey(report: Value, asked: StoredValue<String>) -> impl IntoView {
    let total = report.get("total").cloned().unwrap_or_default();
    let given =
        SCORES.into_iter().map(t).map(str::to_owned).zip(scores(&total).into_iter().map(|count| vec![count]));
    let days = list(&report, "days").into_iter().map(|line| {
        let scores = scores(&line);
        let (low, good) = scores.split_at(GOOD.min(scores.len()));
        (day(&text(&line, "name")), vec![good.iter().sum(), low.iter().sum()])
    });
    (number(&total, "answers") > 0).then(|| view! {
        <h3 data-test="report-survey">{say("Survey: $1 of 5 on average; answers: $2", &[&average(&total), &count(&total, "answers")])}</h3>
        <Plot title=t("How often each score was given") keys=vec![("one", t("answers"))] bars=given.collect()/>
        <Plot title=t("Answers by the day on which the chat came") keys=vec![("one", t("4 or 5")), ("two", t("1 to 3"))] bars=days.collect()/>
        <Scores title=t("Survey by day") by="days" asked rows=answered(list(&report, "days"))/>
        <Scores title=t("Survey by service line") by="areas" asked rows=answered(list(&report, "areas"))/>
        <Scores title=t("Survey by agent who had the chat first") by="agents" asked rows=answered(list(&report, "agents"))/>
    })
}

#[component]
fn Scores(
    title: &'static str,
    by: &'static str,
    asked: StoredValue<String>,
    rows: Vec<Value>,
) -> impl IntoView {
    let head = |head: &'static str| view! { <th scope="col" class="figure">{head}</th> };
    let row = |line: &Value| {
        let counts = scores(line).into_iter().map(|count| view! { <td class="figure">{count}</td> });
        view! {
            <tr data-test=format!("survey-{by}")><th scope="row">{day(&text(line, "name"))}</th>
                <td class="figure">{count(line, "answers")}</td><td class="figure">{average(line)}</td>{counts.collect_view()}</tr>
        }
    };
    (!rows.is_empty()).then(|| view! {
        <section><h3>{title}<Csv by asked/></h3>
            <div class="wide"><table><thead><tr><td></td>{[t("Answers"), t("Average"), "1", "2", "3", "4", "5"].map(head).collect_view()}</tr></thead>
                <tbody>{rows.iter().map(row).collect_view()}</tbody></table></div></section>
    })
}

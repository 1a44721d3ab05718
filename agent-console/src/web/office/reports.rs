//! Reports: plots to look at, the tables that they are of, and files of them.

use leptos::prelude::*;
use serde_json::Value;

use super::super::api::{Source, number, text};
use super::super::driver::now;
use super::super::tongue::{day, number as written};
use super::agents::encoded;
use crate::tongue::{say, t};

/// Days that can be looked at.
const SPANS: [u64; 3] = [7, 30, 90];

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Sizes of a plot, in its own units.
const WIDE: f64 = 720.0;
const HIGH: f64 = 150.0;

/// The time zone of this browser.
fn zone() -> String {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    let options = format.resolved_options();
    js_sys::Reflect::get(&options, &"timeZone".into())
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or("UTC".into())
}

/// See the module.
#[component]
pub fn Reports() -> impl IntoView {
    let span = RwSignal::new(SPANS[1]);
    let body = move || {
        let to = now().0 + 1;
        let asked = format!("from={}&to={to}&zone={}", to.saturating_sub(span.get() * DAY), encoded(&zone()));
        view! { <Shown asked/> }
    };
    let option = move |days: u64| {
        view! { <option value=days.to_string() selected=move || span.get() == days>{say("The last $1 days", &[&days])}</option> }
    };
    view! {
        <h2 tabindex="-1">{t("Reports")}</h2>
        <label class="inline">{t("Chats that came within")}
            <select data-test="report-span" on:change:target=move |event| span.set(event.target().value().parse().unwrap_or(SPANS[1]))>
                {SPANS.map(option).collect_view()}</select></label>
        {body}
    }
}

#[component]
fn Shown(asked: String) -> impl IntoView {
    let source = Source::new(format!("reports?{asked}"));
    let (trouble, waiting) = (source.clone(), source.clone());
    let asked = StoredValue::new(asked);
    let body = move || {
        let report = source.value()?;
        let total = report.get("total").cloned().unwrap_or_default();
        let days = list(&report, "days");
        let figure = |name: &'static str, value: String| view! { <li><b>{value}</b><span>{name}</span></li> };
        let bars = |bars: fn(&Value) -> Vec<u64>| {
            days.iter().map(|line| (day(&text(line, "name")), bars(line))).collect::<Vec<_>>()
        };
        Some(view! {
            <ul class="figures" data-test="report-total">
                {figure(t("chats"), count(&total, "chats"))}
                {figure(t("left before an agent came"), count(&total, "abandoned"))}
                {figure(t("went to another server"), count(&total, "left"))}
                {figure(t("median wait"), time(&total, "wait"))}
                {figure(t("nine of ten waited at most"), time(&total, "wait_p90"))}
                {figure(t("median until the first word"), time(&total, "first_response"))}
                {figure(t("median from pick-up to end"), time(&total, "handling"))}
                {(number(&total, "answers") > 0).then(|| figure(t("of 5 in the survey, on average"), super::survey::average(&total)))}
            </ul>
            <Plot title=t("Chats by day") keys=vec![("one", t("served")), ("two", t("left before an agent came"))] bars=bars(|day| {
                let lost = number(day, "abandoned");
                vec![number(day, "chats").saturating_sub(lost), lost]
            })/>
            <Plot title=t("Waiting by day, in seconds") keys=vec![("one", t("median")), ("two", t("up to which nine of ten waited"))] bars=bars(|day| {
                let median = number(day, "wait");
                vec![median, number(day, "wait_p90").saturating_sub(median)]
            })/>
            <Lines title=t("By day") by="days" asked rows=days.clone()/>
            <Lines title=t("By service line") by="areas" asked rows=list(&report, "areas")/>
            <Lines title=t("By agent who had the chat first") by="agents" asked rows=list(&report, "agents")/>
            <Lines title=t("By outcome") by="outcomes" asked rows=list(&report, "outcomes")/>
            <Transfers asked rows=list(&report, "transfers")/>
            <super::survey::Survey report asked/>
        })
    };
    view! {
        <p class="wrong" role="alert">{move || trouble.trouble()}</p>
        <p class="hint" role="status">{move || (waiting.value().is_none() && waiting.trouble().is_none()).then_some(t("Counting…"))}</p>
        {body}
    }
}

/// A list of a report's.
pub(super) fn list(report: &Value, key: &str) -> Vec<Value> {
    report.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A count, as numbers are written.
pub(super) fn count(line: &Value, key: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of a report")]
    written(number(line, key) as f64)
}

fn time(line: &Value, key: &str) -> String {
    line.get(key).and_then(Value::as_u64).map_or("–".into(), |seconds| crate::words::clock(seconds * 1_000))
}

/// Values of each bar, one upon the other; each has a class and a name.
#[component]
pub(super) fn Plot(
    title: &'static str,
    keys: Vec<(&'static str, &'static str)>,
    bars: Vec<(String, Vec<u64>)>,
) -> impl IntoView {
    let most = bars.iter().map(|(_, parts)| parts.iter().sum()).max().unwrap_or(0).max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of a report")]
    let (most_high, each) = (most as f64, WIDE / (bars.len().max(1) as f64));
    let wide = (each * 0.8).min(40.0);
    let drawn = bars.iter().enumerate().map(|(at, (name, parts))| {
        let mut floor = HIGH;
        let named: Vec<String> =
            parts.iter().zip(&keys).map(|(value, (_, key))| format!("{value} {key}")).collect();
        let rects = parts.iter().zip(&keys).map(|(value, (class, _))| {
            #[expect(clippy::cast_precision_loss, reason = "counts of a report")]
            let (height, x) = (*value as f64 / most_high * (HIGH - 4.0), at as f64 * each);
            floor -= height;
            view! { <rect class=*class x=(x + (each - wide) / 2.0).to_string() y=floor.to_string() width=wide.to_string() height=height.to_string()/> }
        });
        let rects = rects.collect_view();
        view! { <g><title>{format!("{name}: {}", named.join(", "))}</title>{rects}</g> }
    });
    let drawn = drawn.collect_view();
    let key = |(class, name): (&'static str, &'static str)| view! { <span class=format!("key {class}")>{name}</span> };
    let keys = keys.into_iter().map(key).collect_view();
    let ends = bars
        .first()
        .zip(bars.last())
        .map(|(first, last)| (first.0.clone(), last.0.clone()))
        .unwrap_or_default();
    view! {
        <figure class="plot">
            <figcaption>{title}{keys}<span class="hint">{say("at most $1", &[&most])}</span></figcaption>
            <svg viewBox=format!("0 0 {WIDE} {HIGH}") preserveAspectRatio="none" role="img" aria-label=say("$1; the table below has the figures", &[&title])>{drawn}</svg>
            <p class="hint ends"><span>{ends.0}</span><span>{ends.1}</span></p>
        </figure>
    }
}

#[component]
fn Lines(
    title: &'static str,
    by: &'static str,
    asked: StoredValue<String>,
    rows: Vec<Value>,
) -> impl IntoView {
    let row = |line: &Value| {
        view! {
            <tr data-test=format!("report-{by}")><th scope="row">{day(&text(line, "name"))}</th>
                {["chats", "abandoned", "left"].map(|key| view! { <td class="figure">{count(line, key)}</td> }).collect_view()}
                {["wait", "wait_p90", "first_response", "handling"].map(|key| view! { <td class="figure">{time(line, key)}</td> }).collect_view()}</tr>
        }
    };
    let none = rows.is_empty();
    let heads = [
        "",
        t("Chats"),
        t("Left early"),
        t("Went on"),
        t("Wait"),
        t("Wait, 9 of 10"),
        t("First word"),
        t("Handling"),
    ];
    let head = |head: &'static str| view! { <th scope="col" class="figure">{head}</th> };
    (!none).then(|| view! {
        <section><h3>{title}<Csv by asked/></h3>
            <div class="wide"><table><thead><tr><td></td>{heads[1..].iter().copied().map(head).collect_view()}</tr></thead>
                <tbody>{rows.iter().map(row).collect_view()}</tbody></table></div></section>
    })
}

#[component]
fn Transfers(asked: StoredValue<String>, rows: Vec<Value>) -> impl IntoView {
    let row = |line: &Value| {
        view! {
            <tr data-test="report-transfers"><th scope="row">{text(line, "to")}</th>
                {["tried", "arrived", "denied", "failed"].map(|key| view! { <td class="figure">{count(line, key)}</td> }).collect_view()}</tr>
        }
    };
    (!rows.is_empty()).then(|| view! {
        <section><h3>{t("Transfers by destination")}<Csv by="transfers" asked/></h3>
            <div class="wide"><table><thead><tr><td></td><th scope="col" class="figure">{t("Tried")}</th><th scope="col" class="figure">{t("Arrived")}</th>
                <th scope="col" class="figure">{t("Denied")}</th><th scope="col" class="figure">{t("Failed")}</th></tr></thead>
                <tbody>{rows.iter().map(row).collect_view()}</tbody></table></div></section>
    })
}

#[component]
pub(super) fn Csv(by: &'static str, asked: StoredValue<String>) -> impl IntoView {
    let address = format!("/api/v1/reports.csv?{}&by={by}", asked.get_value());
    view! { <a class="csv" href=address download=format!("{by}.csv") data-test=format!("csv-{by}")>{format!("{by}.csv")}</a> }
}

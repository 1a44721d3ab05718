//! A comparison as a table, as JSON, and as a page with plots.

use std::fmt::Write;

use anyhow::Result;
use plotters::prelude::*;
use serde_json::{Value, json};

use super::samples::{Line, Samples, Spread};
use super::work::Work;

/// Width and height of a plot.
const PLOT: (u32, u32) = (860, 260);

/// A table for people.
#[must_use]
pub fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut last = None;
    for line in lines {
        if last != Some((line.work, line.key)) {
            let _ = writeln!(text, "\n{}: {}", line.work.title(), line.title);
            last = Some((line.work, line.key));
        }
        let Spread { least, median, most } = line.value;
        let ratio = line.ratio.map_or(String::new(), |ratio| {
            format!("{:>8.2} x ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most)
        });
        let warned =
            if line.warned > 0 { format!("  {} with a warning", line.warned) } else { String::new() };
        let _ = writeln!(
            text,
            "  {:<18} {:>12} ({} to {}){ratio}{warned}",
            line.server,
            short(median),
            short(least),
            short(most)
        );
    }
    text
}

/// A number with as many digits as mean something.
fn short(number: f64) -> String {
    if number >= 100.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// The last line: what `cargo xtask bench` promises, and everything else.
#[must_use]
pub fn json(lines: &[Line], to: &str) -> Value {
    let find = |work: Work, key: &str, server: &str| {
        lines.iter().find(move |line| line.work == work && line.key == key && line.server == server)
    };
    let ratio = |work, key, server| {
        find(work, key, server).and_then(|line| line.ratio).map(|ratio| rounded(ratio.median))
    };
    json!({
        format!("cpu_per_msg_k1_vs_{to}"): ratio(Work::K1, "cpu_us", "baton-memory"),
        format!("msgs_per_s_k16_vs_{to}"): ratio(Work::K16, "per_second", "baton-memory"),
        format!("durable_k16_vs_{to}"): ratio(Work::K16, "per_second", "baton-sqlite"),
        "session_bytes": find(Work::Idle, "session_bytes", "baton-memory").map(|line| line.value.median.round()),
        "bare_bytes": find(Work::Idle, "bare_bytes", "baton-memory").map(|line| line.value.median.round()),
        format!("p99_20k_vs_{to}"): ratio(Work::Rate, "p99_us", "baton-memory"),
        format!("accept_vs_{to}"): ratio(Work::Accept, "per_second", "baton-memory"),
        "warned": lines.iter().map(|line| line.warned).sum::<usize>(),
    })
}

fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// A page with a table and plots, which needs nothing else.
///
/// # Errors
/// When a plot cannot be drawn.
pub fn html(lines: &[Line], samples: &Samples) -> Result<String> {
    let mut page = String::from(HEAD);
    let mut groups: Vec<(Work, &str)> = lines.iter().map(|line| (line.work, line.key)).collect();
    groups.dedup();
    for (work, key) in groups {
        let of: Vec<&Line> = lines.iter().filter(|line| (line.work, line.key) == (work, key)).collect();
        let Some(first) = of.first() else { continue };
        let better = if first.more { "more is better" } else { "less is better" };
        let _ = write!(
            page,
            "<h2>{}: {} <small>({better})</small></h2>",
            escaped(work.title()),
            escaped(first.title)
        );
        page += &plot(&of)?;
        page += "<table><tr><th>server<th>median<th>least<th>most<th>ratio<th>its spread<th>warned</tr>";
        for line in of {
            let ratio = line.ratio.map_or(("".into(), String::new()), |ratio| {
                (format!("{:.2}", ratio.median), format!("{:.2} to {:.2}", ratio.least, ratio.most))
            });
            let value = line.value;
            let cells = [short(value.median), short(value.least), short(value.most), ratio.0, ratio.1];
            let _ = write!(
                page,
                "<tr><th>{}<td>{}<td>{}</tr>",
                escaped(&line.server),
                cells.join("<td>"),
                line.warned
            );
        }
        page += "</table>";
    }
    if !samples.troubles.is_empty() {
        page += "<h2>Left out</h2><ul>";
        for trouble in &samples.troubles {
            let _ = write!(page, "<li>{}", escaped(trouble));
        }
        page += "</ul>";
    }
    Ok(page + "</html>\n")
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Baton side by side</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
h2{font-size:1.1rem;margin-top:2.5rem}small{font-weight:normal;color:#667}\
table{border-collapse:collapse;width:100%}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #dde}\
th:first-child{text-align:left;font-weight:normal}svg{max-width:100%;height:auto}</style><h1>Baton side by side</h1>";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Bars, with the spread as a thin line over each.
fn plot(lines: &[&Line]) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, PLOT).into_drawing_area();
        area.fill(&WHITE)?;
        let most = lines.iter().map(|line| line.value.most).fold(1.0, f64::max);
        let rows = i32::try_from(lines.len())?;
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(30)
            .x_label_area_size(28)
            .y_label_area_size(140)
            .build_cartesian_2d(0.0..most * 1.05, (0..rows).into_segmented())?;
        let name = |row: &SegmentValue<i32>| match row {
            SegmentValue::CenterOf(row) => usize::try_from(*row)
                .ok()
                .and_then(|row| lines.get(row))
                .map_or(String::new(), |line| line.server.clone()),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(WHITE)
            .y_labels(lines.len())
            .y_label_formatter(&name)
            .draw()?;
        let own = RGBColor(0x1f, 0x6f, 0x50);
        let other = RGBColor(0xb4, 0xbc, 0xc8);
        for (row, line) in (0..).zip(lines) {
            let colour = if line.server.starts_with("baton") { own } else { other };
            let (from, to) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
            let mut bar = Rectangle::new([(0.0, from), (line.value.median, to)], colour.filled());
            bar.set_margin(3, 3, 0, 0);
            chart.draw_series([bar])?;
            let middle = SegmentValue::CenterOf(row);
            let spread = [(line.value.least, middle.clone()), (line.value.most, middle)];
            chart.draw_series([PathElement::new(spread, BLACK.stroke_width(2))])?;
        }
        area.present()?;
    }
    Ok(svg)
}

//! `baton audit`

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use baton_core::audit::Record;
use baton_protocol::Timestamp;
use clap::Args;

use super::{database, table};
use crate::driver::now;
use crate::store::Store;

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only what happened within this time: 90m, 12h, 7d.
    #[arg(long, value_parser = span, value_name = "TIME")]
    since: Option<Duration>,
    /// So many records at most, the oldest first.
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    most: u32,
    /// A JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Shows it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        let millis = self.since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let since = millis.map_or(Timestamp(0), |millis| Timestamp(now().0.saturating_sub(millis)));
        let records = database(folder)?.audit(since, self.most).await?;
        if self.json {
            for record in &records {
                println!("{}", serde_json::to_string(record)?);
            }
            return Ok(());
        }
        let rows: Vec<_> = records.iter().map(row).collect();
        println!("{}", table(["at", "transfer", "chat", "agent", "to", "step", "detail"], &rows));
        Ok(())
    }
}

fn row(record: &Record) -> [String; 7] {
    let chat = record.chat.map(|chat| chat.to_string()).unwrap_or_default();
    let (step, detail) = (record.step.name().into(), record.step.detail());
    let transfer = record.transfer.map(|transfer| transfer.to_string()).unwrap_or_default();
    let to = record.to.clone();
    [utc(record.at), transfer, chat, record.agent.clone(), to, step, detail]
}

/// A time as RFC 3339 writes it, in UTC. Days to dates by Howard Hinnant's `civil_from_days`.
pub(super) fn utc(at: Timestamp) -> String {
    let (seconds, millis) = (at.0 / 1_000, at.0 % 1_000);
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// A number with `m`, `h` or `d` after it.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("write a number with m, h or d after it, such as 12h, not {text:?}");
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_standard_says() {
        assert_eq!(utc(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(Timestamp(1_709_164_799_999)), "2024-02-28T23:59:59.999Z");
        assert_eq!(utc(Timestamp(1_709_164_800_000)), "2024-02-29T00:00:00.000Z");
        assert_eq!(utc(Timestamp(4_102_444_800_000)), "2100-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_span_has_its_unit() {
        assert_eq!(span("90m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(span("7d"), Ok(Duration::from_secs(604_800)));
        assert!(["", "h", "12", "-1h", "1w", "99999999999999999999d"].iter().all(|text| span(text).is_err()));
    }
}

//! What a page's main thread does, task by task, by Chromium's own trace.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::browser::Browser;

/// What Chromium writes down: its threads' tasks with their processor time, navigations, and a page's own marks.
pub const TASKS: &str = "toplevel,blink.user_timing";

/// The same, and what is in the tasks. Writing that down costs a third more.
pub const PARTS: &str = "toplevel,blink.user_timing,devtools.timeline,v8,blink";

/// A task, or something that a task consists of.
#[derive(Clone, Debug)]
pub struct Task {
    /// What Chromium calls it.
    pub name: String,
    /// Milliseconds from the navigation.
    pub at: f64,
    /// Milliseconds on the clock.
    pub wall: f64,
    /// Milliseconds of processor time.
    pub cpu: f64,
}

/// What the main thread of a page has done since the navigation to it. Frames of the same site share it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// What was in them, for whoever looks for what costs.
    pub parts: Vec<Task>,
    /// The page's own marks.
    pub marks: Vec<(String, f64)>,
}

/// How a browser's thread names a task of its own.
const TASK: &str = "ThreadControllerImpl::RunTask";

/// What scripts go on with after a task that ran none: answers that they have waited for.
const AFTER: &str = "BlinkScheduler_PerformMicrotaskCheckpoint";

impl Trace {
    /// Reads what was written down about the page whose address this is.
    ///
    /// # Errors
    /// When the trace has no such page.
    pub async fn of(browser: &Browser, address: &str) -> Result<Self> {
        let events = browser.written_down().await?;
        let is = |event: &&Value| {
            event["name"] == "navigationStart" && event["args"]["data"]["documentLoaderURL"] == address
        };
        let began = events.iter().find(is).with_context(|| format!("no navigation to {address}"))?;
        let (from, process, thread) = (number(&began["ts"]), &began["pid"], &began["tid"]);
        let ours = |event: &&Value| {
            event["pid"] == *process && event["tid"] == *thread && number(&event["ts"]) >= from
        };
        let ours: Vec<&Value> = events.iter().filter(ours).collect();
        let task = |event: &&Value| Task {
            name: event["name"].as_str().unwrap_or_default().to_owned(),
            at: (number(&event["ts"]) - from) / 1_000.0,
            wall: number(&event["dur"]) / 1_000.0,
            cpu: number(&event["tdur"]) / 1_000.0,
        };
        let whole = |event: &&&Value| event["ph"] == "X";
        let during = |event: &Value| number(&event["ts"])..number(&event["ts"]) + number(&event["dur"]);
        let tasks: Vec<_> = ours.iter().filter(|event| event["name"] == TASK).map(|it| during(it)).collect();
        let is_task = |event: &&Value| {
            let within = || tasks.iter().any(|task| task.contains(&number(&event["ts"])));
            event["name"] == TASK || event["name"] == AFTER && !within()
        };
        let marked = |event: &&&Value| event["cat"].as_str().is_some_and(|cat| cat.contains("user_timing"));
        Ok(Self {
            tasks: ours.iter().filter(whole).filter(|event| is_task(event)).map(task).collect(),
            parts: ours.iter().filter(whole).filter(|event| !is_task(event)).map(task).collect(),
            marks: ours.iter().filter(marked).map(task).map(|mark| (mark.name, mark.at)).collect(),
        })
    }

    /// When the page said so first.
    ///
    /// # Errors
    /// When it did not.
    pub fn mark(&self, name: &str) -> Result<f64> {
        let mark = self.marks.iter().find(|(known, _)| known == name);
        Ok(mark.with_context(|| format!("no mark {name}: {:?}", self.marks))?.1)
    }

    /// Processor time of the tasks that began between these moments, in milliseconds.
    #[must_use]
    pub fn cpu(&self, from: f64, to: f64) -> f64 {
        self.tasks.iter().filter(|task| (from..to).contains(&task.at)).map(|task| task.cpu).sum()
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

//! Pictures of the runs, as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::checks::Run;
use super::cost::Cost;

/// Width and height.
const SIZE: (u32, u32) = (760, 440);

/// How many of the waits are longer: measured, and by theory where there is one.
///
/// # Errors
/// When the file cannot be written.
pub fn waits(run: &Run, file: &Path) -> Result<()> {
    let mut waits: Vec<f64> = run.seen.iter().map(|one| one.waited as f64 / 1_000.0).collect();
    waits.sort_by(f64::total_cmp);
    let longest = waits.get(waits.len() * 995 / 1_000).copied().unwrap_or(1.0).max(1.0);
    let share = |at: f64| {
        let longer = waits.len() - waits.partition_point(|wait| *wait <= at);
        longer as f64 / waits.len().max(1) as f64
    };
    let top = share(0.0).max(0.01) * 1.1;
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error + '_>> {
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&run.name, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..longest, 0.0..top)?;
        chart.configure_mesh().x_desc("seconds of waiting").y_desc("share who wait longer").draw()?;
        let points = (0..=200).map(|step| longest * f64::from(step) / 200.0);
        chart
            .draw_series(LineSeries::new(points.clone().map(|at| (at, share(at))), &BLUE))?
            .label("queue manager")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE));
        if let Some(theory) = run.theory.filter(|theory| theory.gave_up == 0.0) {
            // M/M/c: whoever waits, waits exponentially long.
            let mean = theory.wait / theory.delayed / 1_000.0;
            let curve = points.map(|at| (at, theory.delayed * (-at / mean).exp()));
            chart
                .draw_series(LineSeries::new(curve, &RED))?
                .label("Erlang C")
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], RED));
        }
        chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()?;
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("{}: {error}", file.display()))
}

/// Waits against the ranges told, of some customers.
///
/// # Errors
/// When the file cannot be written.
pub fn ranges(run: &Run, file: &Path) -> Result<()> {
    let told: Vec<(f64, f64, f64)> = run
        .seen
        .iter()
        .filter(|one| !one.gave_up)
        .filter_map(|one| {
            let range = one.told.as_ref()?;
            Some((f64::from(range.from), f64::from(range.to), one.waited as f64 / 1_000.0))
        })
        .collect();
    let some: Vec<_> = told.iter().copied().step_by((told.len() / 240).max(1)).collect();
    let longest = some.iter().map(|(_, to, waited)| to.max(*waited)).fold(1.0, f64::max);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error + '_>> {
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(format!("{}: told and waited", run.name), ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..some.len().max(1) as f64, 0.0..longest)?;
        chart.configure_mesh().x_desc("some of the customers").y_desc("seconds").draw()?;
        for (at, (from, to, waited)) in some.into_iter().enumerate() {
            let (at, inside) = (at as f64, from <= waited && waited <= to);
            chart.draw_series([Rectangle::new([(at, from), (at + 0.8, to)], BLUE.mix(0.25).filled())])?;
            let colour = if inside { BLACK } else { RED };
            chart.draw_series([Circle::new((at + 0.4, waited), 2, colour.filled())])?;
        }
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("{}: {error}", file.display()))
}

/// The cost of a decision by the length of the queue.
///
/// # Errors
/// When the file cannot be written.
pub fn costs(costs: &[Cost], file: &Path) -> Result<()> {
    let most = costs.iter().map(|cost| cost.micros).fold(1.0, f64::max) * 1.2;
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error + '_>> {
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption("A decision, by the length of the queue", ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d((10.0..100_000.0_f64).log_scale(), 0.0..most)?;
        chart.configure_mesh().x_desc("customers waiting").y_desc("microseconds").draw()?;
        let points = || costs.iter().map(|cost| (cost.waiting as f64, cost.micros));
        chart.draw_series(LineSeries::new(points(), &BLUE))?;
        chart.draw_series(points().map(|at| Circle::new(at, 4, BLUE.filled())))?;
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("{}: {error}", file.display()))
}

//! `epitile demo`: the main job, from nothing, in under a minute.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Parser};
use epitile::cv::{CvResult, pearson, summaries};
use epitile::error::{Error, Result};
use epitile::io::fileset::with_suffix;
use epitile::model::Model;
use epitile::run::{Phase, RunLog, peak_rss_bytes};
use epitile_core::kernel::Kernel;

use super::program::Run;
use super::screen::show;
use super::{cv, fit, predict, simulate};

/// Sibs of a family, as in the flags below.
const FAMILY: usize = 6;

/// Flags of `epitile demo`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Simulates a cohort of 1,200 related individuals and 2,000 SNPs with an \
additive and an epistatic trait, compares linear ridge with kernel ridge by cross-validation, fits \
the better model without one sib of each family and predicts these 200. Every step is an ordinary command, \
printed so that it can be repeated."
)]
pub(crate) struct Args {
    /// Folder for the files
    #[arg(long, value_name = "FOLDER", default_value = "epitile-demo")]
    out: PathBuf,
    /// Seed of the simulation
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

/// A command given as text.
#[derive(Debug, Parser)]
struct Line<A: ClapArgs> {
    #[command(flatten)]
    args: A,
}

/// Parses the flags of `command`, printing them as the user would type them.
fn command<A: ClapArgs>(command: &str, flags: &[&str], log: &RunLog) -> Result<A> {
    log.say(format!("$ epitile {command} {}", flags.join(" ")));
    let line = Line::<A>::try_parse_from([command].iter().chain(flags));
    line.map(|line| line.args)
        .map_err(|e| Error::usage(e.to_string()))
}

impl Run for Args {
    fn run(&self, log: &RunLog) -> Result<()> {
        std::fs::create_dir_all(&self.out).map_err(|e| Error::write(&self.out, &e))?;
        let path = |name: &str| self.out.join(name).display().to_string();
        let seed = self.seed.to_string();
        let mut steps: Vec<(&str, Vec<Phase>)> = Vec::new();

        let cohort = path("cohort");
        let sizes = [
            "--samples",
            "1200",
            "--snps",
            "2000",
            "--chromosomes",
            "4",
            "--families",
            "6",
        ];
        let genetics = [
            "--additive",
            "0.3",
            "--epistatic",
            "0.4",
            "--founders",
            "12",
        ];
        let mut flags = [&sizes[..], &genetics[..]].concat();
        flags.extend(["--pairs", "300", "--seed", &seed, "--out", &cohort]);
        let step: simulate::Args = command("simulate", &flags, log)?;
        steps.push(("simulate", logged(&step, |log| step.run(log))?.1));

        let pheno = format!("{cohort}.pheno.txt");
        let data = ["--bfile", &cohort, "--pheno", &pheno];
        let out = path("cv");
        let grid = ["--kernel", "linear,gaussian", "--gamma-scale", "0.5,1,2,4"];
        let rest = [
            "--lambda",
            "0.1,0.5,1,2",
            "--folds",
            "5",
            "--precision",
            "adaptive",
        ];
        let flags = [&data[..], &grid, &rest, &["--out", &out]].concat();
        let step: cv::Args = command("cv", &flags, log)?;
        let (validated, phases) = logged(&step, |log| step.validate(log))?;
        steps.push(("cv", phases));

        // One sib of each family plays a new individual.
        let held_out = path("new.txt");
        let fam = std::fs::read_to_string(with_suffix(Path::new(&cohort), ".fam"))
            .map_err(|e| Error::read(&cohort, &e))?;
        let lines: Vec<String> = fam
            .lines()
            .skip(FAMILY - 1)
            .step_by(FAMILY)
            .map(|l| l.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect();
        std::fs::write(&held_out, lines.join("\n") + "\n")
            .map_err(|e| Error::write(&held_out, &e))?;

        let best = best(&validated)?;
        let (scale, lambda) = (best.bandwidth.scale.to_string(), best.lambda.to_string());
        let model = path("model");
        let setting = [
            "--kernel",
            "gaussian",
            "--gamma-scale",
            &scale,
            "--lambda",
            &lambda,
        ];
        let rest = [
            "--remove",
            &held_out,
            "--precision",
            "adaptive",
            "--embed",
            "--out",
            &model,
        ];
        let flags = [&data[..], &setting, &rest].concat();
        let step: fit::Args = command("fit", &flags, log)?;
        let (fitted, phases) = logged(&step, |log| step.fit(log))?;
        steps.push(("fit", phases));

        let (file, out) = (format!("{model}.epitile"), path("predicted"));
        let flags = ["--model", &file, "--bfile", &cohort, "--out", &out];
        let step: predict::Args = command("predict", &flags, log)?;
        let (predicted, phases) = logged(&step, |log| step.predict(log))?;
        steps.push(("predict", phases));

        let truth = truth(Path::new(&pheno))?;
        let new = |values: &[f64]| -> Vec<f64> {
            values
                .iter()
                .skip(FAMILY - 1)
                .step_by(FAMILY)
                .copied()
                .collect()
        };
        let r = pearson(&new(&truth), &new(&predicted[0].values));
        show(|out| {
            print(&validated, &fitted, r, &steps, out)?;
            writeln!(out, "\nfiles are in {}", self.out.display())
        })
    }
}

/// Runs a step with a log of its own, and gives its phases.
fn logged<T>(step: &dyn Run, run: impl FnOnce(&RunLog) -> Result<T>) -> Result<(T, Vec<Phase>)> {
    let log = RunLog::new(step.prefix(), true);
    match run(&log) {
        Ok(value) => {
            let phases = log.phases();
            log.finish()?;
            Ok((value, phases))
        }
        Err(error) => {
            log.fail(&error);
            Err(error)
        }
    }
}

/// The best Gaussian setting.
fn best(result: &CvResult) -> Result<epitile::settings::Setting> {
    let kernels = [Kernel::Linear, Kernel::Gaussian];
    let rows = summaries(&result.settings, &kernels, &result.traits[0]);
    let gaussian = |s: &epitile::settings::Setting| s.bandwidth.kernel == Kernel::Gaussian;
    let mut pairs = result.settings.iter().zip(rows);
    let best = pairs
        .find(|(s, row)| row.best && gaussian(s))
        .map(|(s, _)| *s);
    best.ok_or_else(|| Error::degenerate("no Gaussian setting could be scored"))
}

/// The first trait of a table of the simulation.
fn truth(path: &Path) -> Result<Vec<f64>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::read(path, &e))?;
    let value = |line: &str| line.split_whitespace().nth(2).and_then(|v| v.parse().ok());
    Ok(text.lines().skip(1).filter_map(value).collect())
}

fn print(
    result: &CvResult,
    model: &Model,
    r: f64,
    steps: &[(&str, Vec<Phase>)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let kernels = [Kernel::Linear, Kernel::Gaussian];
    let rows = summaries(&result.settings, &kernels, &result.traits[0]);
    writeln!(
        out,
        "\n{:<34} {:>18} {:>18} {:>10}",
        "5-fold cross-validation", "MSPE", "Pearson r", "folds won"
    )?;
    for (setting, row) in result
        .settings
        .iter()
        .zip(&rows)
        .filter(|(_, row)| row.best)
    {
        let name = match setting.bandwidth.kernel {
            Kernel::Linear => format!("RR   linear, λ = {}", setting.lambda),
            _ => format!(
                "KRR  gaussian, c = {}, λ = {}",
                setting.bandwidth.scale, setting.lambda
            ),
        };
        let won = match row.folds_won {
            Some(won) if setting.bandwidth.kernel == Kernel::Gaussian => won.to_string(),
            _ => "–".into(),
        };
        writeln!(
            out,
            "{name:<34} {:>9.4} ± {:.4} {:>9.4} ± {:.4} {won:>10}",
            row.mspe.0, row.mspe.1, row.pearson.0, row.pearson.1
        )?;
        if setting.bandwidth.kernel == Kernel::Gaussian {
            writeln!(
                out,
                "{:<34} {:>9.4} ± {:.4}",
                "KRR − RR, paired by fold", row.difference.0, row.difference.1
            )?;
        }
    }
    writeln!(
        out,
        "\n200 new individuals (one sib of each family), predicted by the fitted KRR model: r = {r:.4}"
    )?;
    writeln!(out, "\n{}", model.meta.evidence.summary())?;
    writeln!(out, "\n{:<10} {:<12} {:>9}", "step", "phase", "seconds")?;
    for (step, phases) in steps {
        for phase in phases {
            writeln!(out, "{step:<10} {:<12} {:>9.3}", phase.name, phase.seconds)?;
        }
    }
    if let Some(bytes) = peak_rss_bytes() {
        writeln!(
            out,
            "{:<23} {:>9.1} MiB",
            "peak memory",
            bytes as f64 / f64::from(1 << 20)
        )?;
    }
    Ok(())
}

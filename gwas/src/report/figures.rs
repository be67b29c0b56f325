//! From inputs to sections: one for each trait, then variance, formats and runs.

use super::association::{Association, Lead};
use super::find::Found;
use super::grid::{Grid, p_value};
use super::manhattan::manhattan;
use super::page::{Figure, Section};
use super::pairs::{self, Pairs};
use super::picture::Picture;
use super::qq::qq;
use super::record::Record;
use super::scatter::scatter;
use super::sheet::Sheet;
use super::threshold::Threshold;
use super::tiles::Tiles;
use super::{ReportOptions, curves, variance};
use crate::error::Result;
use crate::run::RunLog;

/// Most lines of a table of loci that are shown.
const LOCI: usize = 200;

/// Sections in the making.
#[derive(Default)]
pub(super) struct Figures {
    summary: Vec<[String; 7]>,
    traits: Vec<Section>,
    others: Vec<Section>,
    /// Names of pictures so far.
    names: Vec<String>,
}

impl Figures {
    /// All there is.
    ///
    /// # Errors
    /// `Open`, `Read`, `Malformed`.
    pub(super) fn all(
        &mut self,
        found: &Found,
        records: &[Record],
        options: &ReportOptions,
        log: &RunLog,
    ) -> Result<()> {
        let progress = log.progress(found.association.len() as u64, "association tables");
        for (name, path) in &found.association {
            let set = options.set.unwrap_or_default();
            let table = Association::read(name, path, set)?;
            self.association(&table, options, log)?;
            progress.inc(1);
        }
        for (name, path) in &found.loci {
            let grid = loci(path)?;
            let caption = match grid.rows.len() {
                0 => format!("{} lists none.", path.display()),
                LOCI => format!("The first {LOCI} of {}.", path.display()),
                n => format!("All {n} of {}.", path.display()),
            };
            self.add(name, figure("Loci", caption, None, vec![grid]));
        }
        for path in &found.settings {
            for of in curves::read(path)? {
                let (picture, grid) = of.figure()?;
                let caption = "Mean squared error of prediction on held-out individuals, with \
                               standard errors over the folds, by kernel, γ and λ; rings mark the \
                               best setting of each kernel. Bars of different lines are set apart.";
                let title = "Cross-validation over γ and λ";
                self.add(
                    &of.name,
                    figure(title, caption.into(), Some(picture), vec![grid]),
                );
            }
        }
        for path in &found.held_out {
            self.pairs(pairs::held_out(path)?)?;
        }
        if let Some(observed) = &options.pheno {
            for path in &found.predicted {
                self.pairs(pairs::predicted(path, observed)?)?;
            }
        }
        let mut section = Section {
            title: "Variance components".into(),
            ..Section::default()
        };
        for path in &found.variance {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = file.trim_end_matches(".tsv").trim_end_matches(".varcomp");
            let (picture, grid) = variance::variance(name, path)?;
            let caption = "Bars: proportion of the variance; lines: one standard error to both \
                           sides.";
            let title = format!("Variance by source: {name}");
            let own = figure(&title, caption.into(), picture, vec![grid]);
            section.figures.push(self.unique(own));
        }
        self.others.push(section);
        self.runs(records)?;
        self.others.retain(|s| !s.figures.is_empty());
        Ok(())
    }

    /// The summary of all traits, and the sections.
    pub(super) fn into_parts(self) -> (Option<Grid>, Vec<Section>) {
        let head = [
            "trait",
            "tested",
            "not tested",
            "λ_GC",
            "threshold",
            "loci above it",
            "best SNP",
        ];
        let mut grid = Grid::new("Traits", &head);
        for row in self.summary {
            grid.row(row);
        }
        let summary = (!grid.rows.is_empty()).then_some(grid);
        (summary, [self.traits, self.others].concat())
    }

    fn add(&mut self, name: &str, figure: Figure) {
        let figure = self.unique(figure);
        let title = format!("Trait {name}");
        match self.traits.iter_mut().find(|s| s.title == title) {
            Some(section) => section.figures.push(figure),
            None => self.traits.push(Section {
                title,
                text: Vec::new(),
                figures: vec![figure],
            }),
        }
    }

    /// The same with a name of its own for its picture.
    fn unique(&mut self, mut figure: Figure) -> Figure {
        if let Some(picture) = &mut figure.picture {
            let name = picture.name.clone();
            let mut k = 1;
            while self.names.contains(&picture.name) {
                k += 1;
                picture.name = format!("{name}-{k}");
            }
            self.names.push(picture.name.clone());
        }
        figure
    }

    fn association(
        &mut self,
        table: &Association,
        options: &ReportOptions,
        log: &RunLog,
    ) -> Result<()> {
        let tests = table.points.len();
        let untested: usize = table.untested.values().sum();
        if table.others > 0 {
            log.note(format!(
                "{}: {} lines of other tests than {} are left out",
                table.path.display(),
                table.others,
                table.test
            ));
        }
        let threshold = Threshold::of(table, options.set);
        let leads = table.leads(options.leads, options.window)?;
        let line = threshold.as_ref().map_or(f64::INFINITY, |t| t.log10p);
        let above = leads.iter().filter(|l| l.point.log10p >= line).count();
        let lambda = table
            .lambda
            .map_or_else(|| "NA".into(), |l| format!("{l:.3}"));
        let count = match above == options.leads && above > 0 {
            true => format!("{above} or more"),
            false => above.to_string(),
        };
        let best = leads.first().map_or_else(
            || "none".into(),
            |l| format!("{}, p = {}", l.cells[0], p_value(l.point.log10p)),
        );
        log.say(format!(
            "{}: {tests} SNPs tested, {untested} not, λ_GC {lambda}, best {best}",
            table.name
        ));
        self.summary.push([
            table.name.clone(),
            tests.to_string(),
            untested.to_string(),
            lambda.clone(),
            threshold
                .as_ref()
                .map_or_else(|| "none".into(), |t| t.short.clone()),
            count.clone(),
            best,
        ]);
        let mut grids = vec![
            lead_table(table, &leads, line, options.window),
            by_chromosome(table),
        ];
        if untested > 0 {
            let mut grid = Grid::new("SNPs that could not be tested", &["reason", "SNPs"]);
            for (reason, n) in &table.untested {
                grid.row([reason.clone(), n.to_string()]);
            }
            grids.push(grid);
        }
        let Some(threshold) = threshold else {
            let caption = format!("{} holds no SNP that was tested.", table.path.display());
            self.add(
                &table.name,
                figure("Association", caption, None, grids.split_off(2)),
            );
            return Ok(());
        };
        let samples = match table.samples {
            Some((a, b)) if a == b => format!(" in {a} individuals"),
            Some((a, b)) => format!(" in {a} to {b} individuals"),
            None => String::new(),
        };
        let test = if table.test.is_empty() {
            String::new()
        } else {
            format!(" (test {})", table.test)
        };
        let caption = format!(
            "{tests} SNPs{samples}{test}, from {}. Dashed line: {}; {count} lead SNPs are above it, \
             marked by diamonds, the strongest by name.",
            table.path.display(),
            threshold.long,
        );
        let picture = manhattan(table, &leads, Some(&threshold))?;
        self.add(
            &table.name,
            Figure {
                broad: true,
                ..figure("Manhattan plot", caption, Some(picture), grids)
            },
        );
        let (picture, grid) = qq(table)?;
        let caption = format!(
            "λ_GC = {lambda}: the median χ² (one degree of freedom) that belongs to the p-values, \
             over {:.4}. Grey: where 95 % of the p-values of each rank would be if all SNPs were \
             independent and none associated; linked SNPs stray further.",
            super::quantiles::CHI2_MEDIAN
        );
        self.add(
            &table.name,
            figure("QQ plot", caption, Some(picture), vec![grid]),
        );
        Ok(())
    }

    fn pairs(&mut self, all: Vec<Pairs>) -> Result<()> {
        for of in all {
            let (picture, grids) = scatter(&of)?;
            let caption = format!(
                "Grey: 95 % prediction intervals, from {}; triangles: individuals outside. \
                 Diamonds: means of groups of equal size by prediction, with their 95 % intervals. \
                 Line: observed = predicted.",
                of.intervals
            );
            let title = format!("Observed against predicted: {}", of.how);
            self.add(&of.name, figure(&title, caption, Some(picture), grids));
        }
        Ok(())
    }

    fn runs(&mut self, records: &[Record]) -> Result<()> {
        let [mut formats, mut accuracy, mut times] = [
            (
                "Precision of the factor",
                "Each tile of the factor is stored in the cheapest format \
              that its norm allows; refinement makes the solution accurate all the same.",
            ),
            (
                "Certificates",
                "Backward errors of the solutions, and bounds on the errors of weights \
              and predictions that follow from them.",
            ),
            ("Runs", ""),
        ]
        .map(|(title, text)| Section {
            title: title.into(),
            text: if text.is_empty() {
                Vec::new()
            } else {
                vec![text.into()]
            },
            figures: Vec::new(),
        });
        for record in records {
            let name = record.name();
            let plans = record.plans();
            for (k, plan) in plans.iter().enumerate() {
                let label = if plans.len() == 1 {
                    name.clone()
                } else {
                    format!("{name}-{}", k + 1)
                };
                let (picture, grid) = Tiles::of(plan, &record.path)?.figure(&label)?;
                let norms = match plan.norms.is_empty() {
                    true => " The policy of this run does not look at norms.",
                    false => {
                        " Above the diagonal: Frobenius norms of the same tiles, pale to dark."
                    }
                };
                let caption = format!(
                    "{} individuals, tiles of {} rows, λ = {}, {} columns taken out before, for {}. \
                     Below the diagonal: formats (D f64, S f32, H f16, B bf16, 8 eight bits).{norms}",
                    plan.individuals,
                    plan.edge,
                    plan.lambda,
                    plan.rank,
                    plan.traits.join(", ")
                );
                let own = figure(
                    &format!("Tile map: {label}"),
                    caption,
                    Some(picture),
                    vec![grid],
                );
                formats.figures.push(self.unique(own));
            }
            let grids = record.certificates();
            if !grids.is_empty() {
                accuracy.figures.push(figure(
                    &format!("Certificate: {name}"),
                    String::new(),
                    None,
                    grids,
                ));
            }
            let (picture, grid) = record.times()?;
            let mut grids = vec![grid, record.facts()];
            if !record.warnings.is_empty() {
                let mut grid = Grid::new("Warnings", &["warning"]);
                record.warnings.iter().for_each(|w| grid.row([w.clone()]));
                grids.push(grid);
            }
            let own = figure(
                &format!("Run {name}"),
                "Wall time of each phase.".into(),
                picture,
                grids,
            );
            times.figures.push(self.unique(own));
        }
        self.others.extend([formats, accuracy, times]);
        Ok(())
    }
}

fn figure(title: &str, caption: String, picture: Option<Picture>, grids: Vec<Grid>) -> Figure {
    Figure {
        title: title.to_owned(),
        caption,
        picture,
        grids,
        broad: false,
    }
}

fn lead_table(table: &Association, leads: &[Lead], line: f64, window: u64) -> Grid {
    let head = [
        "SNP",
        "chr",
        "position",
        "other",
        "effect",
        "frequency",
        "N",
        "effect size",
        "SE",
        "−log10 p",
        "p",
    ];
    let caption = format!(
        "Lead SNPs: the best within {} kb; bold above the threshold",
        window as f64 / 1000.0
    );
    let mut grid = Grid::new(caption, &head);
    for lead in leads {
        let [id, other, effect, frequency, n, beta, se] = lead.cells.clone();
        let minus = |text: String| match text.strip_prefix('-') {
            Some(rest) => format!("−{rest}"),
            None => text,
        };
        let cells = [
            id,
            table.chromosome(&lead.point).to_owned(),
            lead.point.position.to_string(),
            other,
            effect,
            frequency,
            n,
            minus(beta),
            se,
            format!("{:.3}", lead.point.log10p),
            p_value(lead.point.log10p),
        ];
        match lead.point.log10p >= line {
            true => grid.bold(cells),
            false => grid.row(cells),
        }
    }
    grid
}

/// The best SNP of each chromosome and the median, so that the picture can be checked.
fn by_chromosome(table: &Association) -> Grid {
    let head = [
        "chr",
        "SNPs tested",
        "from",
        "to",
        "median −log10 p",
        "largest",
        "at",
    ];
    let mut grid = Grid::new("By chromosome", &head);
    for (c, name) in table.chromosomes.iter().enumerate() {
        let own = || table.points.iter().filter(|p| p.chromosome as usize == c);
        let Some(best) = own().rev().max_by(|a, b| a.log10p.total_cmp(&b.log10p)) else {
            continue;
        };
        let mut values: Vec<f64> = own().map(|p| p.log10p).collect();
        let half = values.len() / 2;
        let (_, median, _) = values.select_nth_unstable_by(half, f64::total_cmp);
        let ends = own().fold((u64::MAX, 0), |e, p| {
            (e.0.min(p.position), e.1.max(p.position))
        });
        let median = format!("{median:.3}");
        grid.row([
            name.clone(),
            values.len().to_string(),
            ends.0.to_string(),
            ends.1.to_string(),
            median,
            format!("{:.3}", best.log10p),
            best.position.to_string(),
        ]);
    }
    grid
}

/// The lines of a table of loci, as they are.
fn loci(path: &std::path::Path) -> Result<Grid> {
    let mut sheet = Sheet::open(path)?;
    let names = sheet.names().to_vec();
    let head: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut grid = Grid::new("Loci", &head);
    while let (Some(row), true) = (sheet.next_row()?, grid.rows.len() < LOCI) {
        grid.row((0..names.len()).map(|k| row.text(k).to_owned()));
    }
    Ok(grid)
}

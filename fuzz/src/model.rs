//! Model files: refused in words, or a model that is saved and loaded again as it is and predicts
//! without a panic.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use epitile::cohort::Cohort;
use epitile::covariates::{CovariateOptions, Design};
use epitile::fit::{FitData, FitOptions, fit};
use epitile::io::bim::Snp;
use epitile::io::chromosome::ChromosomeSet;
use epitile::io::fam::Sample;
use epitile::model::Model;
use epitile::phenotypes::Trait;
use epitile::predict::{NewData, predict};
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile::similarity::Inside;
use epitile::training::{FixedEffects, Intercept};
use epitile_core::engine::InOrder;
use epitile_core::genotypes::GenotypeBuilder;
use epitile_core::kernel::Kernel;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::SolveOptions;
use epitile_cpu::Cpu;
use serde_json::Value;

use crate::scratch::Folder;
use crate::source::Source;

/// Individuals and SNPs of the models that are mutated.
const SIZE: (usize, usize) = (9, 12);

/// Files of valid models: kernels with and without bandwidth, genotypes inside and outside,
/// covariates as fixed effects and in the kernel, saved factors.
static MODELS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| [0, 1, 2].map(valid));

/// Inputs to start from: the valid models, some edits of them, and no model.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0], vec![0, 8, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']];
    for k in 0..3u8 {
        seeds.push(vec![1, k]);
        seeds.push(vec![1, k, 9, 0, b'x']);
        for edit in 0..12u8 {
            seeds.push(vec![2, k, edit, 11 * edit, edit, 1, 2, 3, 4, 5, 6, 0x3f]);
        }
        // Short enough to be mutated whole.
        seeds.push([&[0], &MODELS[usize::from(k)][..]].concat());
    }
    seeds
}

/// A byte for the form: 0 a file; 1 a valid model, its number and changed bytes; 2 a valid model
/// and changes of values in its header.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let form = source.below(3);
    if form == 0 {
        return load(source.rest());
    }
    let mut file = source.pick(&[0, 1, 2].map(|k: usize| &MODELS[k])).clone();
    let edits = 4;
    match form {
        1 => {
            for _ in 0..edits {
                if source.is_empty() {
                    break;
                }
                let at = source.below(65536) % file.len();
                file[at] = source.byte();
            }
        }
        _ => {
            let (mut header, tensors) = split(&file);
            for _ in 0..edits {
                if source.is_empty() {
                    break;
                }
                edit(&mut header, &mut source);
            }
            file = join(header, &tensors);
        }
    }
    load(&file);
}

/// Loads a file, and what it holds again.
fn load(file: &[u8]) {
    let model = match Model::from_bytes(Path::new("m.model"), file) {
        Ok(model) => model,
        Err(error) => return crate::refused::refused(&error),
    };
    let folder = Folder::new();
    let path = folder.path("again.model");
    model.save(&path).expect("a model that was loaded");
    let again = Model::load(&path).expect("a model that was saved");
    assert!(
        again == model,
        "saved and loaded: {:?} {:?}",
        model.meta,
        again.meta
    );
    predicts(&model);
}

/// Predicts the training individuals, as if they were new.
fn predicts(model: &Model) {
    let Some(genotypes) = &model.genotypes else {
        return;
    };
    let n = genotypes.samples();
    let columns = model
        .meta
        .recipe
        .as_ref()
        .map_or(Vec::new(), |r| r.columns.clone());
    let design = Design {
        x: vec![0.5; columns.len() * n],
        columns,
        complete: vec![true; n],
        ..Design::default()
    };
    let fixed = match FixedEffects::new(model.meta.intercept, &design, n) {
        Ok(fixed) => fixed,
        Err(error) => return crate::refused::refused(&error),
    };
    let new = NewData {
        genotypes: (**genotypes).clone(),
        fixed,
        complete: vec![true; n],
        inside: model.inside.clone(),
    };
    let log = RunLog::new(None, true);
    for intervals in [false, true] {
        match predict(&Cpu::MEMORY, &InOrder, model, &new, intervals, &log) {
            Ok(predicted) => {
                assert_eq!(predicted.len(), model.traits.len());
                for p in predicted {
                    assert_eq!(p.values.len(), n);
                    assert_eq!(p.errors.is_some(), intervals);
                }
            }
            Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
        }
    }
}

/// The header of a safetensors file, with the metadata as values instead of text, and the rest.
fn split(file: &[u8]) -> (Value, Vec<u8>) {
    let (length, rest) = file.split_first_chunk::<8>().expect("a length");
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header).expect("a header");
    let text = header["__metadata__"]["epitile"].take();
    let meta = serde_json::from_str(text.as_str().expect("metadata")).expect("metadata");
    header["__metadata__"]["epitile"] = meta;
    (header, tensors.to_vec())
}

fn join(mut header: Value, tensors: &[u8]) -> Vec<u8> {
    if let Some(Value::Object(meta)) = header.get_mut("__metadata__")
        && let Some(meta) = meta.get_mut("epitile")
    {
        *meta = Value::String(meta.to_string());
    }
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), tensors].concat()
}

/// Changes one value of the header: a number, a text, a list or an object.
fn edit(header: &mut Value, source: &mut Source<'_>) {
    let mut paths = Vec::new();
    walk(header, String::new(), &mut paths);
    let path = &paths[source.below(65536) % paths.len()];
    let menu = source.byte();
    let number = |v: f64| serde_json::Number::from_f64(v).map_or(Value::Null, Value::Number);
    let Some(value) = header.pointer_mut(path) else {
        return;
    };
    match (menu % 12, value) {
        (0, value) => *value = Value::Null,
        (1, value) => *value = 0.into(),
        (2, value) => *value = u64::MAX.into(),
        (3, value) => *value = source.byte().into(),
        (4, value) => *value = number(source.any_f64()),
        (5, value) => *value = number(-1.0),
        (6, Value::String(text)) => text.clear(),
        (7, Value::String(text)) => text.push(char::from(source.byte())),
        (8, Value::String(text)) => {
            let texts = [
                "linear",
                "gaussian",
                "poly:16",
                "grm^2",
                "laplacian",
                "f8e4m3",
                "i8",
                "mean",
            ];
            *text = source.pick(&texts).into();
        }
        (6, Value::Array(list)) => drop(list.pop()),
        (7, Value::Array(list)) => list.extend(list.first().cloned()),
        (8, Value::Array(list)) => list.reverse(),
        (6, Value::Object(fields)) => {
            let name = fields.keys().nth(source.below(fields.len())).cloned();
            name.and_then(|name| fields.remove(&name));
        }
        (7.., Value::Number(v)) => {
            let factor = source.pick(&[2.0, 0.5, -1.0, 1e300, 1e-300, 1.0 + f64::EPSILON]);
            let v = v.as_f64().unwrap_or(0.0) * factor;
            if let Some(v) = serde_json::Number::from_f64(v) {
                *header.pointer_mut(path).expect("a value that was there") = Value::Number(v);
            }
        }
        (_, value) => *value = Value::from(source.below(65536)),
    }
}

/// Paths of all values.
fn walk(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (k, v) in list.iter().enumerate() {
                walk(v, format!("{path}/{k}"), paths);
            }
        }
        Value::Object(fields) => {
            for (name, v) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(v, format!("{path}/{name}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}

/// The file of a model of a small cohort.
fn valid(kind: usize) -> Vec<u8> {
    let (n, m) = SIZE;
    let samples: Vec<Sample> = (0..n).map(|i| Sample::new("f", format!("i{i}"))).collect();
    let snp = |s: usize| Snp {
        chromosome: if s < m / 2 { "1" } else { "2" }.into(),
        id: format!("s{s}"),
        cm: s as f64 / 3.0,
        position: s as i64,
        a1: "A".into(),
        a2: "G".into(),
    };
    let snps: Vec<Snp> = (0..m).map(snp).collect();
    let mut builder = GenotypeBuilder::new(n);
    for (s, snp) in snps.iter().enumerate() {
        if s % (m / 2) == 0 {
            builder.segment(snp.chromosome.clone());
        }
        let call = |i: usize| match (i * i + 3 * s + i * s * (s + 1)) % 7 {
            6 if kind == 0 => None,
            x => Some((x % 3) as u8),
        };
        builder.push((0..n).map(call));
    }
    let set = ChromosomeSet::default();
    let cohort = Cohort::from_parts(samples.clone(), snps, builder.finish(), set);
    let cohort = cohort.expect("a cohort");
    let values = |t: usize, i: usize| match (t, i) {
        (1, 4) => f64::NAN,
        _ => ((i * 7 + t) % 5) as f64 / 3.0,
    };
    let traits: Vec<Trait> = (0..2)
        .map(|t| Trait {
            name: format!("t{t}"),
            values: (0..n).map(|i| values(t, i)).collect(),
            binary: false,
        })
        .collect();
    // Covariates, as fixed effects of the first model and in the kernel of the second.
    let folder = Folder::new();
    let rows = (0..n).map(|i| format!("f i{i} {} {}\n", (i * i) % 11, ["M", "F"][i % 2]));
    let text = format!("FID IID age sex\n{}", rows.collect::<String>());
    let options = CovariateOptions {
        file: folder.put("covar", text.as_bytes()),
        names: (kind != 0).then(|| "age".into()),
        categorical: (kind == 0).then(|| "sex".into()),
    };
    let design = Design::read(&options, &samples).expect("covariates");
    let covariates = match kind {
        0 => design.clone(),
        _ => Design::empty(n),
    };
    let intercept = if kind == 2 {
        Intercept::Mean
    } else {
        Intercept::Gls
    };
    let fixed = FixedEffects::new(intercept, &covariates, n).expect("fixed effects");
    let recipe = covariates.recipe();
    let inside = Inside {
        columns: (0..design.columns.len())
            .map(|c| design.column(c).to_vec())
            .collect(),
        weight: 0.7,
    };
    let data = FitData {
        traits: &traits,
        fixed: &fixed,
        recipe: (kind == 0).then_some(&recipe),
        complete: &vec![true; n],
        inside: (kind == 1).then_some((&design, &inside)),
        weights: None,
    };
    let options = FitOptions {
        bfile: "b".into(),
        kernel: [Kernel::Gaussian, Kernel::Laplacian, Kernel::Linear][kind],
        gamma: Gammas::Scales(vec![1.1]),
        lambda: 0.3,
        solve: SolveOptions {
            policy: Policy::Uniform([Precision::F16, Precision::F64, Precision::F8E4M3][kind]),
            rank: (kind == 0).then_some(2),
            ..SolveOptions::default()
        },
        tile: (kind == 0).then_some(4),
        embed: kind != 1,
        save_factor: kind != 1,
    };
    let log = RunLog::new(None, true);
    let model = fit(&Cpu::MEMORY, &InOrder, cohort, data, &options, &log).expect("a fit");
    let path = folder.path("m");
    model.save(&path).expect("a model");
    let again = Model::load(&path).expect("a model that was saved");
    // What is not embedded is not in the file.
    let expected = Model {
        genotypes: model.genotypes.filter(|_| options.embed),
        ..model
    };
    assert!(again == expected, "a fitted model, saved and loaded");
    let _: Option<Arc<_>> = again.genotypes;
    std::fs::read(&path).expect("a model file")
}

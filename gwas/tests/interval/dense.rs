//! Kernel ridge regression with fixed effects by plain loops in FP64, and how far its numbers and
//! the program's may be apart.

/// Unit roundoff of FP64.
pub(super) const UNIT: f64 = f64::EPSILON / 2.0;

/// A symmetric positive definite system, as its lower Cholesky factor by rows.
struct Factor {
    n: usize,
    l: Vec<Vec<f64>>,
}

impl Factor {
    fn new(a: &[Vec<f64>]) -> Factor {
        let n = a.len();
        let mut l = vec![vec![0.0; n]; n];
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
                let rest: f64 = a[i][j] - sum;
                l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
            }
            assert!(l[i][i] > 0.0, "not positive definite");
        }
        Factor { n, l }
    }

    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, l) = (self.n, &self.l);
        let mut x = b.to_vec();
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
            x[i] = (x[i] - sum) / l[i][i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
            x[i] = (x[i] - sum) / l[i][i];
        }
        x
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// What is fitted.
pub(super) struct Model<'a> {
    /// N × N.
    pub(super) kernel: &'a [f64],
    pub(super) n: usize,
    pub(super) lambda: f64,
    /// Columns of the design, the intercept first.
    pub(super) x: &'a [Vec<f64>],
    /// Whether effects are by generalised least squares; else the training mean.
    pub(super) gls: bool,
}

/// A fitted model.
pub(super) struct Reference<'a> {
    model: Model<'a>,
    train: Vec<usize>,
    a: Factor,
    alpha: Vec<f64>,
    effects: Vec<f64>,
    /// A⁻¹X, and XᵀA⁻¹X.
    w: Vec<Vec<f64>>,
    information: Option<Factor>,
    /// Condition of XᵀA⁻¹X.
    fixed_condition: f64,
    /// σ̂²_f.
    pub(super) variance: f64,
    /// Relative error of a quadratic form in A⁻¹, of either computation: n·u·κ(A) with
    /// κ ≤ (trace K + λ)/λ, twice, times that of XᵀA⁻¹X.
    pub(super) relative: f64,
}

/// Prediction of one individual.
pub(super) struct New {
    pub(super) value: f64,
    pub(super) value_bound: f64,
    /// SE².
    pub(super) square: f64,
    pub(super) square_bound: f64,
}

impl<'a> Reference<'a> {
    pub(super) fn new(model: Model<'a>, train: &[usize], y: &[f64]) -> Self {
        let k = |i: usize, j: usize| model.kernel[j * model.n + i];
        let row = |&i: &usize| {
            let entry = |&j: &usize| k(i, j) + if i == j { model.lambda } else { 0.0 };
            train.iter().map(entry).collect::<Vec<f64>>()
        };
        let n = train.len() as f64;
        let a = Factor::new(&train.iter().map(row).collect::<Vec<_>>());
        let y: Vec<f64> = train.iter().map(|&i| y[i]).collect();
        let trace: f64 = train.iter().map(|&i| k(i, i)).sum();
        let condition = (trace + model.lambda) / model.lambda;
        let pick = |c: &Vec<f64>| train.iter().map(|&i| c[i]).collect::<Vec<f64>>();
        let x: Vec<Vec<f64>> = model.x.iter().map(pick).collect();
        let columns = if model.gls { x.len() } else { 0 };
        let w: Vec<Vec<f64>> = x[..columns].iter().map(|x| a.solve(x)).collect();
        let gram: Vec<Vec<f64>> = x[..columns]
            .iter()
            .map(|x| w.iter().map(|w| dot(x, w)).collect())
            .collect();
        let (mut information, mut fixed_condition) = (None, 1.0);
        let effects = match columns {
            0 => vec![y.iter().sum::<f64>() / n],
            _ => {
                let factor = Factor::new(&gram);
                let unit = |c: usize| {
                    (0..columns)
                        .map(|d| f64::from(c == d))
                        .collect::<Vec<f64>>()
                };
                let inverse: Vec<f64> = (0..columns).flat_map(|c| factor.solve(&unit(c))).collect();
                fixed_condition = norm(&gram.concat()) * norm(&inverse);
                let right: Vec<f64> = w.iter().map(|w| dot(w, &y)).collect();
                let effects = factor.solve(&right);
                information = Some(factor);
                effects
            }
        };
        let mut residual = y.clone();
        for (x, b) in x.iter().zip(&effects) {
            residual.iter_mut().zip(x).for_each(|(r, x)| *r -= b * x);
        }
        let alpha = a.solve(&residual);
        let parameters = effects.len() as f64;
        Reference {
            variance: dot(&residual, &alpha) / (n - parameters),
            relative: 4.0 * n * UNIT * condition * fixed_condition,
            train: train.to_vec(),
            model,
            a,
            alpha,
            effects,
            w,
            information,
            fixed_condition,
        }
    }

    /// Individual `i`.
    pub(super) fn at(&self, i: usize) -> New {
        let Model {
            kernel,
            n,
            x,
            lambda,
            ..
        } = self.model;
        let k: Vec<f64> = self.train.iter().map(|&j| kernel[j * n + i]).collect();
        let own = kernel[i * n + i];
        let v = self.a.solve(&k);
        let fixed: f64 = self.effects.iter().zip(x).map(|(b, x)| b * x[i]).sum();
        let d: Vec<f64> = self
            .w
            .iter()
            .zip(x)
            .map(|(w, x)| x[i] - dot(w, &k))
            .collect();
        let effects = self
            .information
            .as_ref()
            .map_or(0.0, |f| dot(&d, &f.solve(&d)));
        let spread = own - dot(&k, &v) + effects;
        // Both terms that are subtracted are at most k(x, x); α and b̂ err as A⁻¹ does.
        let sizes = own + self.fixed_condition * effects.abs();
        let effect_sizes = self.effects.iter().zip(x).map(|(b, x)| (b * x[i]).abs());
        let sums = norm(&k) * (norm(&self.alpha) + norm(&self.effects) / lambda.min(1.0));
        New {
            value: dot(&k, &self.alpha) + fixed,
            value_bound: self.relative * (sums + effect_sizes.sum::<f64>()),
            square: self.variance * spread.max(0.0),
            square_bound: self.relative * self.variance * (sizes + spread.abs()),
        }
    }
}

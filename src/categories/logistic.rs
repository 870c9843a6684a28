//! One category against all others: logistic regression with an L2 penalty, by dual coordinate descent.
//!
//! With labels y of ±1 it minimises `½ |w|² + Σ C ln(1 + exp(−y w·x))`. The dual has one variable α in (0, C) for
//! each text, and `w = Σ y α x`; each step solves for one α exactly, by Newton's method on the side of the
//! interval where that converges. Source of the method, its starting point and its tolerances: Yu, Huang and Lin,
//! "Dual coordinate descent methods for logistic regression and maximum entropy models", Machine Learning 85 (2011),
//! algorithm 5; it is solver 7 of their LIBLINEAR.
//!
//! Invariant: the same texts, labels and seed give the same bits.

use super::random::Random;
use super::vocabulary::Vector;

/// What a text that is on the wrong side costs. Chosen by cross-validation on the training part of banking77 and
/// clinc150 (docs/categories.md).
const COST: f64 = 10.0;
/// The gradient below which nothing moves any more.
const TOLERANCE: f64 = 0.1;
/// Rounds over all texts at most: a few dozen are usual.
const ROUNDS_MAX: usize = 300;
/// Steps of Newton's method for one variable at most: a handful are usual.
const STEPS_MAX: usize = 100;
/// How near the first rounds come to each variable's best.
const FIRST_STEP_TOLERANCE: f64 = 1e-2;
const STEP_TOLERANCE_MIN: f64 = 1e-8;
/// Where Newton's method leaves the interval, how much of the way to its end is left.
const SHRINK: f64 = 0.1;

/// `weights · x + bias` is the log of the odds that a text is of the category.
pub(super) struct Line {
    pub(super) weights: Vec<f64>,
    pub(super) bias: f64,
}

impl Line {
    fn of(&self, vector: &Vector) -> f64 {
        let products = vector
            .iter()
            .map(|(number, weight)| self.weights[*number as usize] * f64::from(*weight));
        products.sum::<f64>() + self.bias
    }

    fn add(&mut self, vector: &Vector, times: f64) {
        for (number, weight) in vector {
            self.weights[*number as usize] += times * f64::from(*weight);
        }
        // The bias is the weight of a feature that each text has.
        self.bias += times;
    }
}

/// Learns which of `texts`, vectors over `terms` terms, are of the category.
pub(super) fn learn(texts: &[Vector], is_of_it: &[bool], terms: usize, seed: u64) -> Line {
    let costs = Costs::of(is_of_it);
    let mut line = Line { weights: vec![0.0; terms], bias: 0.0 };
    let mut variables: Vec<Variable> = Vec::with_capacity(texts.len());
    for (text, is_of_it) in texts.iter().zip(is_of_it) {
        let variable = Variable::begin(text, *is_of_it, &costs);
        line.add(text, variable.sign * variable.alpha);
        variables.push(variable);
    }
    let mut order: Vec<usize> = (0..texts.len()).collect();
    let mut random = Random::new(seed);
    let mut step_tolerance = FIRST_STEP_TOLERANCE;
    for _ in 0..ROUNDS_MAX {
        random.shuffle(&mut order);
        let (mut gradient_max, mut steps) = (0.0_f64, 0);
        for number in &order {
            let (variable, text) = (&mut variables[*number], &texts[*number]);
            let moved = variable.improve(line.of(text), step_tolerance);
            gradient_max = gradient_max.max(moved.gradient);
            steps += moved.steps;
            if moved.steps > 0 {
                line.add(text, variable.sign * moved.by);
            }
        }
        if gradient_max < TOLERANCE {
            break;
        }
        if steps <= texts.len() / 10 {
            step_tolerance = (step_tolerance * 0.1).max(STEP_TOLERANCE_MIN);
        }
    }
    line
}

/// What mistakes cost.
struct Costs {
    of_it: f64,
    of_others: f64,
}

impl Costs {
    /// A category of few texts weighs more than its share, by the square root of how few they are: all of it would
    /// make rare categories be said too often, nothing of it too seldom.
    fn of(is_of_it: &[bool]) -> Costs {
        let of_it = is_of_it.iter().filter(|is_of_it| **is_of_it).count().max(1) as f64;
        let of_others = is_of_it.len() as f64 - of_it;
        Costs { of_it: COST * (of_others / of_it).sqrt().max(1.0), of_others: COST }
    }
}

/// The dual variable of one text, with its distance to the upper end, which rounding would lose where it is small.
struct Variable {
    alpha: f64,
    rest: f64,
    cost: f64,
    /// +1 where the text is of the category, −1 where not.
    sign: f64,
    /// `x · x`, the bias's feature included.
    square: f64,
}

/// What became of one variable.
struct Moved {
    /// Absolute, before.
    gradient: f64,
    by: f64,
    steps: usize,
}

impl Variable {
    fn begin(text: &Vector, is_of_it: bool, costs: &Costs) -> Variable {
        let (cost, sign) = if is_of_it { (costs.of_it, 1.0) } else { (costs.of_others, -1.0) };
        let squares = text.iter().map(|(_, weight)| f64::from(*weight) * f64::from(*weight));
        // Inside the interval: at its ends the logarithm has no value.
        let alpha = (0.001 * cost).min(1e-8);
        Variable { alpha, rest: cost - alpha, cost, sign, square: 1.0 + squares.sum::<f64>() }
    }

    /// Moves to where the dual is least, given what the line says of its text.
    fn improve(&mut self, said: f64, tolerance: f64) -> Moved {
        let Variable { cost, square, .. } = *self;
        let linear = self.sign * said;
        // Seen from the end that the best lies nearer to, Newton's method converges.
        let is_from_above = 0.5 * square * (self.rest - self.alpha) + linear < 0.0;
        let (old, direction) = if is_from_above { (self.rest, -1.0) } else { (self.alpha, 1.0) };
        let mut new = if cost - old < 0.5 * cost { SHRINK * old } else { old };
        let gradient_at =
            |new: f64| square * (new - old) + direction * linear + (new / (cost - new)).ln();
        let mut gradient = gradient_at(new);
        let mut moved = Moved { gradient: gradient.abs(), by: 0.0, steps: 0 };
        while moved.steps <= STEPS_MAX && gradient.abs() >= tolerance {
            let curvature = square + cost / ((cost - new) * new);
            let next = new - gradient / curvature;
            new = if next <= 0.0 { SHRINK * new } else { next };
            gradient = gradient_at(new);
            moved.steps += 1;
        }
        if moved.steps > 0 {
            moved.by = direction * (new - old);
            let (near, far) = (new, cost - new);
            (self.alpha, self.rest) = if is_from_above { (far, near) } else { (near, far) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> (Vec<Vector>, Vec<bool>) {
        let texts = vec![
            vec![(0, 1.0)],
            vec![(0, 0.8), (1, 0.6)],
            vec![(1, 1.0)],
            vec![(1, 0.8), (2, 0.6)],
            vec![(2, 1.0)],
            vec![(0, 0.6), (2, 0.8)],
        ];
        (texts, vec![true, true, false, false, false, true])
    }

    /// What is minimised.
    fn objective(line: &Line, texts: &[Vector], is_of_it: &[bool]) -> f64 {
        let costs = Costs::of(is_of_it);
        let loss = |(text, is_of_it): (&Vector, &bool)| {
            let (sign, cost) = if *is_of_it { (1.0, costs.of_it) } else { (-1.0, costs.of_others) };
            cost * (-sign * line.of(text)).exp().ln_1p()
        };
        let squares = line.weights.iter().chain([&line.bias]).map(|weight| weight * weight);
        squares.sum::<f64>() / 2.0 + texts.iter().zip(is_of_it).map(loss).sum::<f64>()
    }

    /// By another way: small steps downhill, many of them.
    fn downhill(texts: &[Vector], is_of_it: &[bool]) -> Line {
        let costs = Costs::of(is_of_it);
        let mut line = Line { weights: vec![0.0; 3], bias: 0.0 };
        for _ in 0..20_000 {
            let mut pull = Line {
                weights: line.weights.iter().map(|weight| -weight).collect(),
                bias: -line.bias,
            };
            for (text, is_of_it) in texts.iter().zip(is_of_it) {
                let (sign, cost) =
                    if *is_of_it { (1.0, costs.of_it) } else { (-1.0, costs.of_others) };
                pull.add(text, sign * cost / (1.0 + (sign * line.of(text)).exp()));
            }
            for (weight, pull) in line.weights.iter_mut().zip(&pull.weights) {
                *weight += 0.01 * pull;
            }
            line.bias += 0.01 * pull.bias;
        }
        line
    }

    #[test]
    fn what_is_learnt_is_the_least_of_what_is_minimised() {
        let (texts, is_of_it) = texts();
        let (learnt, least) = (learn(&texts, &is_of_it, 3, 1), downhill(&texts, &is_of_it));
        let (learnt, least) =
            (objective(&learnt, &texts, &is_of_it), objective(&least, &texts, &is_of_it));
        assert!(learnt < 1.001 * least, "{learnt} {least}");
        let nothing = Line { weights: vec![0.0; 3], bias: 0.0 };
        assert!(least < 0.5 * objective(&nothing, &texts, &is_of_it), "it has something to learn");
    }

    #[test]
    fn it_tells_apart_what_can_be_told_apart_and_is_the_same_each_time() {
        let (texts, is_of_it) = texts();
        let (line, again) = (learn(&texts, &is_of_it, 3, 1), learn(&texts, &is_of_it, 3, 1));
        for (text, is_of_it) in texts.iter().zip(&is_of_it) {
            assert_eq!(line.of(text) > 0.0, *is_of_it);
        }
        assert_eq!(line.weights, again.weights);
        assert_eq!(line.bias.to_bits(), again.bias.to_bits());
    }

    #[test]
    fn texts_without_any_term_leave_the_bias() {
        let line = learn(&[vec![], vec![], vec![]], &[true, false, false], 0, 1);
        assert!(line.bias.is_finite() && line.bias < 0.5, "{}", line.bias);
    }
}

//! Figures of models, for people.

use crate::categories::{About, Evaluation};
use crate::cli::shown::shown;

/// Pairs of categories that are taken for each other, at most so many.
const CONFUSED_MAX: usize = 10;

pub(super) fn trained(about: &About) -> String {
    let About { name, version, examples, categories, trained_on, held_out, .. } = about;
    format!(
        "{name}@{version}: {} categories from {examples} examples ({})\nheld out:\n{}",
        categories.len(),
        shown(trained_on, " "),
        evaluation(held_out)
    )
}

pub(super) fn evaluation(of: &Evaluation) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut text = format!(
        "{} examples: accuracy {}, macro-F1 {}\nsaid from a probability of {:.2} on: {} of it right; not known {}, \
         right and not said {}\n",
        of.examples,
        percent(of.accuracy),
        percent(of.macro_f1),
        of.threshold,
        percent(of.accuracy_when_said),
        percent(of.unknown),
        percent(of.loss),
    );
    if let Some(outside) = &of.out_of_scope {
        text.push_str(&format!(
            "{} examples of other categories: {} rightly not known\n",
            outside.examples,
            percent(outside.unknown)
        ));
    }
    text.push_str("  precision   recall       F1  examples  category\n");
    for category in &of.categories {
        text.push_str(&format!(
            "  {:>9}  {:>7}  {:>7}  {:>8}  {}\n",
            percent(category.precision),
            percent(category.recall),
            percent(category.f1),
            category.support,
            shown(&category.category, " "),
        ));
    }
    for (count, right, found) in confused(of) {
        let found = if found.is_empty() { "nothing known".to_string() } else { shown(found, " ") };
        text.push_str(&format!("  {count} × {} taken for {found}\n", shown(right, " ")));
    }
    text
}

/// The mistakes that are made most often.
fn confused(of: &Evaluation) -> Vec<(usize, &str, &str)> {
    let names = &of.confusion.categories;
    let mut all = Vec::new();
    for (right, row) in names.iter().zip(&of.confusion.counts) {
        for (found, count) in names.iter().zip(row) {
            if right != found && *count > 0 {
                all.push((*count, right.as_str(), found.as_str()));
            }
        }
    }
    all.sort_by_key(|(count, right, found)| (std::cmp::Reverse(*count), *right, *found));
    all.truncate(CONFUSED_MAX);
    all
}

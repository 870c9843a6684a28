"""scikit-learn's logistic regression on words and pieces of words, on the sets and by the measures of
`cargo bench --bench categories`, which runs this. DIR is what that says.

Usage: categories.py DIR
"""

import csv
import json
import sys
import time
from pathlib import Path

import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, make_pipeline

# Right answers that may be given up of what is held out, and how much that is.
LOSS_MAX, HELD_OUT = 0.02, 0.2


def model():
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_pipeline(
        FeatureUnion([("words", words), ("pieces", pieces)]), LogisticRegression(C=10, max_iter=300)
    )


def likeliest(fitted, texts):
    """The likeliest label of each text, and its probability."""
    chances = fitted.predict_proba(texts)
    return fitted.classes_[chances.argmax(axis=1)], chances.max(axis=1)


def threshold(texts, labels):
    kept, held, kept_labels, held_labels = train_test_split(
        texts, labels, test_size=HELD_OUT, stratify=labels, random_state=1
    )
    found, chance = likeliest(model().fit(kept, kept_labels), held)
    right = sorted(chance[[one == other for one, other in zip(found, held_labels)]])
    return right[int(len(held) * LOSS_MAX)]


def measure(name, learnt, judged, outside):
    texts, labels = zip(*learnt)
    began = time.time()
    cut = threshold(texts, labels)
    fitted = model().fit(texts, labels)
    train_s = time.time() - began
    judged_texts, right = zip(*judged)
    began = time.time()
    found, chance = likeliest(fitted, judged_texts)
    predict_us = (time.time() - began) * 1e6 / len(judged)
    is_right = [one == other for one, other in zip(found, right)]
    lost = sum(was and sure < cut for was, sure in zip(is_right, chance)) / len(judged)
    shown = "–"
    if outside:
        _, chance = likeliest(fitted, outside)
        shown = f"{100 * (chance < cut).mean():.2f} %"
    accuracy, f1 = accuracy_score(right, found), f1_score(right, found, average="macro")
    print(
        f"{name:<10}  {100 * accuracy:>6.2f} %  {100 * f1:>6.2f} %  {train_s:>8.1f}  {predict_us:>10.0f}"
        f"  {shown:>13}  {100 * lost:>10.2f} %   scikit-learn {sklearn.__version__}",
        flush=True,
    )


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def main():
    data = Path(sys.argv[1])
    measure("banking77", rows(data / "banking_train.csv"), rows(data / "banking_test.csv"), [])
    clinc = json.loads((data / "clinc_full.json").read_text(encoding="utf-8"))
    outside = [text for text, _ in clinc["oos_test"]]
    measure("clinc150", clinc["train"], clinc["test"], outside)


if __name__ == "__main__":
    main()

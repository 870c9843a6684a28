//! Pages for people: the dashboard, search, transcripts, evidence to hand over, signing in. They are
//! rendered on the server; no page needs a script to be read. Scripts put new figures in place of old
//! ones, and add keys and copying.
//!
//! Invariants: text of outside origin reaches a page only as escaped text, with characters that
//! could hide or reorder it made visible ([`shown`]); every page is of the visitor's own shop; no
//! page names a path or a query plan; nothing is fetched from another host.
//! It computes no figure and decides no match: it shows what `sql` and `search` answer, with the
//! offset they are complete to.
//! It writes nothing but the record of who looked at what.
//!
//! Each page is a view model made by pure functions, a template, and a thin handler.

// Which parts there are, and who may see each.
mod area;
// Who looks.
mod visitor;
// What a form sent, read without ever failing.
mod form;
// Days in the shop's zone ↔ instants.
mod days;
// What an address asks of figures: days, zone, filters, comparison.
mod selection;
// What figures may be narrowed to.
mod choices;
// An answer of `sql` as plain values.
mod grid;
// Numbers and durations as people read them.
mod figures;
// Words for codes.
mod wording;
// Addresses of the pages about somebody or something.
mod links;
// Addresses of the rows behind figures.
mod drill;
// An answer as a chart, in SVG.
mod charts;
// Style sheet, script and icon, built in.
mod assets;
// One file per page.
mod pages;
// Address → page, and the headers that every answer carries.
mod router;

pub use router::routes;

// Outside text, made safe and honest.
use crate::transcript::shown;

//! Bundles made of records in memory, signed by a log in memory.

mod made;
mod mutants;
mod packs;
mod sample;

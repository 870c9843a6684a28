//! Bundles made of records in memory, signed by a log in memory.

mod agree;
mod interchanged;
mod made;
mod mutants;
mod packs;
mod rotated;
mod sample;

//! Files of each form, made of one chat and read back.

mod bounds;
mod hostile;
mod read;
mod same_records;
mod sample;
mod withheld;

//! What a panic said.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The words of a panic, where it had any.
pub fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_string()
}

/// What `read` returns, or the words of a panic in it: of some damages libraries speak so. What it
/// changes must not be used afterwards.
pub fn unless_panicked<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).map_err(panic_text)
}

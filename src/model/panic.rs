//! What a panic said.

use std::any::Any;

/// The words of a panic, where it had any.
pub fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_string()
}

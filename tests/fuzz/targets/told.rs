//! What a caller is told who is refused.

use crate::problem::Problem;

/// It has one of these codes, and nothing of what was sent.
pub(crate) fn check_told(problem: &Problem, codes: &[&str]) {
    let told = format!("{problem:?}");
    assert!(!told.contains("Marmot"), "{told}");
    let is_of = |code: &&str| told.contains(&format!("code: \"{code}\""));
    assert!(codes.iter().any(is_of), "{told}");
}

//! How much memory is resident.

use std::fs;

use rustix::param::page_size;

use crate::workload::Missed;

/// Resident bytes of this process.
pub(crate) fn resident() -> Result<f64, Missed> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| Missed::Failed(format!("/proc/self/statm: `{statm}`")))?;
    Ok(pages as f64 * page_size() as f64)
}

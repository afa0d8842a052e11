//! A file system that turns read-only under a running workload, as the kernel makes it when it finds an error: every
//! change and sync fails with EROFS from the n-th operation on. Nothing that was acknowledged is lost, then or when the
//! power goes behind it, and nothing is acknowledged that is not on the disk.

use crate::crash::Workload;
use crate::crash::log::LogWorkload;
use crate::crash::metadata::MetadataWorkload;
use crate::disk::SimDisk;
use crate::disk::power_cut;
use ottla_env::rng::SeededRng;

pub fn suite(seed: u64) -> Result<usize, String> {
    Ok(turned(&LogWorkload, seed)? + turned(&MetadataWorkload, seed)?)
}

fn turned<W: Workload>(workload: &W, seed: u64) -> Result<usize, String> {
    let whole = SimDisk::default();
    workload.run(&whole, seed);
    let operations = whole.operation_count();
    let rng = SeededRng::new(seed);
    for number in 0..=operations {
        let disk = SimDisk::default();
        disk.set_read_only_from(number);
        let promise = workload.run(&disk, seed);
        let image = disk.image();
        let lost = vec![power_cut::LOST; image.pending.len()];
        for state in [lost, power_cut::any_state(&image, &rng)] {
            let after = SimDisk::of(image.after_cut(&state));
            workload.recover(&after, &promise, usize::MAX).map_err(|error| {
                format!("{}: read-only from operation {number} of {operations} on: {error}", workload.name())
            })?;
        }
    }
    Ok(operations + 1)
}

//! The whole linear memory of a guest, as this process has it.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use memchr::memmem::Finder;

/// The memory that has the two halves of a mark next to each other, as only a guest puts them. What is mapped without a gap
/// around it is one memory: before and behind that of a guest is what nobody may touch.
///
/// # Panics
/// No guest has.
#[must_use]
pub fn guest_memory(mark: &[String; 2]) -> Vec<u8> {
    let memory = File::open("/proc/self/mem").unwrap();
    let first = Finder::new(&mark[0]);
    let has_mark = |bytes: &Vec<u8>| {
        let mut places = first.find_iter(bytes);
        places.any(|at| bytes[at + mark[0].len()..].starts_with(mark[1].as_bytes()))
    };
    let read = |range: Range<usize>| {
        let mut bytes = vec![0; range.len()];
        let is_there = memory.read_exact_at(&mut bytes, range.start as u64).is_ok();
        is_there.then_some(bytes)
    };
    // The first one: what is read of it is a copy, which would be found, too.
    let mut memories = writable().into_iter().filter_map(read);
    memories.find(has_mark).expect("a guest has the mark")
}

/// What can be written to, together what is without a gap.
fn writable() -> Vec<Range<usize>> {
    let mut ranges = Vec::<Range<usize>>::new();
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (addresses, mode) = line.split_once(' ').unwrap();
        if !mode.starts_with("rw") {
            continue;
        }
        let (start, end) = addresses.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16).unwrap());
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges
}

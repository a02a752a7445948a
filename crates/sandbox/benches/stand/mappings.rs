//! What this process holds in memory, from `/proc/self/smaps`.

use std::collections::BTreeMap;
use std::fs;

/// By the area of memory: what lies side by side and is nameless, as slots of a pool do, is one.
pub(crate) struct Mappings(BTreeMap<String, Held>);

/// In KiB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    pub(crate) resident: f64,
    pub(crate) proportional: f64,
}

/// How much more there is than before.
pub(crate) struct Growth {
    pub(crate) total: Held,
    /// Resident KiB, and where: what has grown the most comes first.
    pub(crate) areas: Vec<(f64, String)>,
}

impl Mappings {
    pub(crate) fn now() -> Self {
        let mut areas: BTreeMap<String, Held> = BTreeMap::new();
        let (mut area, mut end) = (String::new(), String::new());
        for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Some((from, to)) = words[0].split_once('-') {
                let name = words.get(5).copied().unwrap_or("nameless");
                if name != "nameless" || from != end {
                    area = format!("{name} at {from}");
                }
                to.clone_into(&mut end);
            }
            let kib = || words[1].parse::<f64>().unwrap();
            let held = areas.entry(area.clone()).or_default();
            match words[0] {
                "Rss:" => held.resident += kib(),
                "Pss:" => held.proportional += kib(),
                _ => {}
            }
        }
        Self(areas)
    }

    pub(crate) fn since(&self, before: &Self) -> Growth {
        let mut growth = Growth {
            total: Held::default(),
            areas: Vec::new(),
        };
        for (area, held) in &self.0 {
            let was = before.0.get(area).copied().unwrap_or_default();
            let resident = held.resident - was.resident;
            growth.total.resident += resident;
            growth.total.proportional += held.proportional - was.proportional;
            growth.areas.push((resident, area.clone()));
        }
        growth.areas.sort_by(|one, other| other.0.total_cmp(&one.0));
        growth
    }
}

//! `backup` and `restore` on a disk that is full or read-only: nothing half-done is left, and nothing is lost.

use std::fs;
use std::path::Path;

use lockstep_e2e::{Machine, SmallDisk, in_own_mounts};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// What is left on the disk: too little for any of it, for the copy, for the last of its pages, and enough.
const LEFT: [u64; 6] = [0, 4 * KIB, 64 * KIB, 120 * KIB, 128 * KIB, MIB];

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "filler").collect();
    names.sort();
    names
}

fn version(machine: &Machine) -> u64 {
    let shown = machine.lockstep(&["credential", "show", "TOKEN", "--json"]);
    shown.exits(0).json()["version"].as_u64().unwrap()
}

#[test]
fn a_backup_onto_a_full_disk_leaves_nothing_there() {
    let test = "backup_disk::a_backup_onto_a_full_disk_leaves_nothing_there";
    in_own_mounts(test, || {
        let machine = Machine::new();
        machine.set("TOKEN", "value-of-version-1").exits(0);
        let folder = machine.home().join("backups");
        let disk = SmallDisk::mount(&folder, 4 * MIB);
        let file = folder.join("backup.db");
        let mut refused = 0;
        for left in LEFT {
            disk.fill(left);
            let told = machine.lockstep(&["backup".as_ref(), file.as_os_str()]);
            if told.code == 0 {
                assert_eq!(names(&folder), ["backup.db"]);
                fs::remove_file(&file).unwrap();
            } else {
                refused += 1;
                assert!(
                    told.code == 2 && told.stderr.contains("make room"),
                    "{told:?}"
                );
                assert_eq!(names(&folder), [""; 0], "{left}");
            }
            disk.free();
        }
        assert!((3..LEFT.len()).contains(&refused), "{refused}");

        disk.forbid_writing();
        let told = machine
            .lockstep(&["backup".as_ref(), file.as_os_str()])
            .exits(2);
        assert!(told.stderr.contains("Read-only"), "{told:?}");
        disk.allow_writing();
        machine
            .lockstep(&["backup".as_ref(), file.as_os_str()])
            .exits(0);
    });
}

#[test]
fn a_restore_onto_a_full_disk_leaves_the_old_database() {
    let test = "backup_disk::a_restore_onto_a_full_disk_leaves_the_old_database";
    in_own_mounts(test, || {
        let machine = Machine::new();
        let disk = SmallDisk::mount(&machine.data, 6 * MIB);
        machine.set("TOKEN", "value-of-version-1").exits(0);
        let file = machine.home().join("backup.db");
        machine
            .lockstep(&["backup".as_ref(), file.as_os_str()])
            .exits(0);
        machine.set("TOKEN", "value-of-version-2").exits(0);
        let before = names(&machine.data);
        let restore =
            || machine.lockstep(&["restore".as_ref(), file.as_os_str(), "--force".as_ref()]);
        let (mut refused, mut restored) = (0, 0);
        for left in LEFT {
            disk.fill(left);
            let told = restore();
            disk.free();
            if told.code == 0 {
                restored += 1;
                assert_eq!(version(&machine), 1);
            } else {
                refused += 1;
                let place = machine.data.display().to_string();
                assert!(
                    told.code == 70 && told.stderr.contains("make room"),
                    "{told:?}"
                );
                assert!(told.stderr.contains(&place), "{told:?}");
                assert_eq!(version(&machine), 2, "{left}");
                assert_eq!(names(&machine.data), before, "{left}");
            }
        }
        assert!(refused >= 3 && restored >= 1, "{refused}, {restored}");

        disk.forbid_writing();
        let told = restore().exits(70);
        assert!(told.stderr.contains("read-only"), "{told:?}");
        disk.allow_writing();
        restore().exits(0);
    });
}

//! Archives that no honest repository makes: refused with a card, and nothing of this machine gets into the analysis.

use std::io::Write;

use autofix_local::demo_project;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::world::{Scenario, World, assert_says};

const TOP: &str = "acme-bookshop-0123abc";
/// Where the scenario's error is.
const CULPRIT: &str = "backend/bookshop/labels.py";

/// The name is written into the header as it is; the `tar` crate would refuse the hostile ones.
fn entry(tar: &mut Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o664);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A world whose repository is downloaded as this archive, after the alert.
async fn analysed(archive: Vec<u8>) -> (World, serde_json::Value) {
    let world = World::new().await;
    world.configure(|settings| settings.archive = Some(archive.clone()));
    let id = world.handle(Scenario::Fix).await;
    let attempt = world.attempt(&id).await;
    (world, attempt)
}

#[tokio::test]
async fn a_bomb_a_path_that_leads_elsewhere_and_no_archive_fail_with_a_card() {
    // 64 MB of a file that is a thousandth of that on the way.
    let mut bomb = Builder::new(Vec::new());
    entry(&mut bomb, &format!("{TOP}/{CULPRIT}"), &vec![b' '; 64 << 20]);
    let mut archives = vec![("compressed more than source code can be", gzip(&bomb.into_inner().unwrap()))];
    for path in [&format!("{TOP}/../../etc/cron.d/x"), &format!("{TOP}/.git/hooks/pre-commit"), "/etc/passwd"]
    {
        let mut tar = Builder::new(Vec::new());
        entry(&mut tar, path, b"* * * * * root true\n");
        archives.push(("unsafe path", gzip(&tar.into_inner().unwrap())));
    }
    // Not an archive at all, nothing, and one that is cut off.
    for bytes in [b"not a gzip".to_vec(), Vec::new(), vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]] {
        archives.push(("", bytes));
    }
    for (said, archive) in archives {
        let (world, attempt) = analysed(archive).await;
        assert_eq!(attempt["reason"]["code"], "snapshot_unreadable");
        let detail = attempt["reason"]["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{detail}");
        assert_says(&world.shown_card(), &["AutoFix failed"]);
        assert_eq!(world.sandbox.claude.turns_answered(), 0);
    }
}

#[tokio::test]
async fn a_link_is_never_followed() {
    let marker = "only-on-this-machine";
    let outside = std::env::temp_dir().join(format!("autofix-outside-{}", std::process::id()));
    std::fs::write(&outside, marker).unwrap();
    let mut tar = Builder::new(Vec::new());
    for (path, content) in demo_project::files() {
        if path != CULPRIT {
            entry(&mut tar, &format!("{TOP}/{path}"), content);
        }
    }
    for kind in [EntryType::Symlink, EntryType::Link] {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        let name = if kind == EntryType::Symlink { CULPRIT } else { "backend/bookshop/hard.py" };
        tar.append_link(&mut header, format!("{TOP}/{name}"), &outside).unwrap();
    }
    let (world, attempt) = analysed(gzip(&tar.into_inner().unwrap())).await;
    std::fs::remove_file(&outside).unwrap();
    assert_eq!(attempt["status"], "skipped", "{attempt:#}");
    assert!(world.fix_branches().is_empty());
    assert!(!attempt.to_string().contains(marker));
    assert!(!world.shown_card().contains(marker));
    for request in world.sandbox.claude.service().received() {
        assert!(!String::from_utf8_lossy(&request.body).contains(marker));
    }
}

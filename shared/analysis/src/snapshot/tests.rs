use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

const TOP: &str = "acme-bookshop-0123abc";

/// An archive as git writes it, and as it would not.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Archive {
        Archive(Builder::new(Vec::new()))
    }

    fn file(self, path: &str, content: &[u8]) -> Archive {
        self.entry(EntryType::Regular, &format!("{TOP}/{path}"), content)
    }

    fn entry(self, kind: EntryType, path: &str, content: &[u8]) -> Archive {
        self.entry_with_mode(0o664, kind, path, content)
    }

    /// Writes the name into the header as it is; the `tar` crate would refuse the hostile ones.
    fn entry_with_mode(mut self, mode: u32, kind: EntryType, path: &str, content: &[u8]) -> Archive {
        let mut header = Header::new_ustar();
        assert!(path.len() < 100, "a long name needs an extension header");
        header.as_ustar_mut().expect("a ustar header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).expect("memory takes all");
        self
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().expect("memory takes all")
    }

    fn gz(self) -> Vec<u8> {
        gzip(&self.tar())
    }

    fn read(self) -> Result<Snapshot, SnapshotError> {
        read(&self.gz(), Limits::default())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn read(archive: &[u8], limits: Limits) -> Result<Snapshot, SnapshotError> {
    let mut reader = SnapshotReader::new(limits);
    for chunk in archive.chunks(16 << 10) {
        reader.push(chunk)?;
    }
    reader.finish()
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).expect("a good path")
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    let body = format!(" {key}={value}\n");
    let length = (body.len()..).find(|length| length.to_string().len() + body.len() == *length);
    format!("{}{body}", length.expect("some length counts itself")).into_bytes()
}

#[test]
fn a_commit_is_read_as_git_archives_it() {
    let commit = "8a2f0c5e9b1d4c3a7f6e5d4c3b2a190817263544";
    let snapshot = Archive::new()
        .entry(EntryType::XGlobalHeader, "pax_global_header", &pax("comment", commit))
        .entry(EntryType::Directory, &format!("{TOP}/"), b"")
        .entry(EntryType::Directory, &format!("{TOP}/app/"), b"")
        .file("app/main.py", "print('ü')\r\n\tlast".as_bytes())
        .entry_with_mode(0o775, EntryType::Regular, &format!("{TOP}/run.sh"), b"#!/bin/sh\n")
        .file("empty.txt", b"")
        .file("app/logo.png", b"\x89PNG\0\0")
        .file("app/latin1.txt", b"caf\xe9")
        .entry(EntryType::Symlink, &format!("{TOP}/link.py"), b"")
        .entry(EntryType::Link, &format!("{TOP}/hard.py"), b"")
        .entry(EntryType::Char, &format!("{TOP}/device"), b"")
        .read()
        .expect("a good archive");
    let paths: Vec<&str> = snapshot.paths().map(RepoPath::as_str).collect();
    assert_eq!(
        paths,
        ["app/latin1.txt", "app/logo.png", "app/main.py", "empty.txt", "hard.py", "link.py", "run.sh"]
    );
    assert_eq!(snapshot.commit(), Some(commit));
    assert_eq!(snapshot.text(&path("app/main.py")), Some("print('ü')\r\n\tlast"));
    assert_eq!(snapshot.text(&path("empty.txt")), Some(""));
    let content = |text| &snapshot.file(&path(text)).expect("a listed file").content;
    assert_eq!(content("app/logo.png"), &Content::Binary { size: 6 });
    assert_eq!(content("app/latin1.txt"), &Content::Binary { size: 4 });
    assert_eq!(content("link.py"), &Content::Link);
    assert_eq!(content("hard.py"), &Content::Link);
    let mode = |text| snapshot.file(&path(text)).expect("a listed file").mode.as_git_mode();
    assert_eq!((mode("run.sh"), mode("app/main.py")), ("100755", "100644"));
    assert_eq!((snapshot.unlisted(), snapshot.text_bytes()), (1, 18 + 10));
    assert!(snapshot.file(&path("app")).is_none());
}

#[test]
fn what_is_not_ours_or_secret_is_listed_and_never_read() {
    let snapshot = Archive::new()
        .file("web/node_modules/x/index.js", b"theirs")
        .file(".env", b"KEY=1")
        .file("big.sql", &vec![b'x'; MAX_FILE_TEXT_BYTES as usize + 1])
        .file("limit.sql", &vec![b'x'; MAX_FILE_TEXT_BYTES as usize])
        .read()
        .expect("a good archive");
    let content = |text| &snapshot.file(&path(text)).expect("a listed file").content;
    assert_eq!(content("web/node_modules/x/index.js"), &Content::Vendored { size: 6 });
    assert_eq!(content(".env"), &Content::Secret { size: 5 });
    assert_eq!(content("big.sql"), &Content::TooLarge { size: MAX_FILE_TEXT_BYTES + 1 });
    assert_eq!(snapshot.text(&path("limit.sql")).map(str::len), Some(MAX_FILE_TEXT_BYTES as usize));
}

#[test]
fn long_names_arrive_by_either_extension() {
    let long = format!("{TOP}/{}/deep.py", "folder".repeat(30));
    let snapshot = Archive::new()
        .entry(EntryType::XHeader, "pax", &[pax("mtime", "1.5"), pax("path", &long)].concat())
        .entry(EntryType::Regular, "shortened", b"one")
        .entry(EntryType::GNULongName, "././@LongLink", format!("{long}2\0").as_bytes())
        .entry(EntryType::Regular, "shortened", b"two")
        .file("plain.py", b"three")
        .read()
        .expect("a good archive");
    let texts: Vec<_> = snapshot.paths().map(|path| snapshot.text(path).expect("a text")).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[test]
fn unsafe_paths_refuse_the_whole_archive() {
    for name in [
        "top/../../etc/passwd",
        "top/a/../../x",
        "top/..",
        "top/./x",
        "/etc/passwd",
        "/top/x",
        "../x",
        "..",
        "./x",
        "top/.git/config",
        "top/.GIT/hooks/pre-commit",
        "top/git~1/x",
        "top/.git /x",
        "top//x/C:",
        "C:/x",
        "top/sub/.git",
    ] {
        for kind in [EntryType::Regular, EntryType::Symlink, EntryType::Directory] {
            let result = Archive::new().entry(kind, name, b"").read();
            let refused = matches!(result, Err(SnapshotError::UnsafePath { .. }));
            // Only an empty segment is harmless: it is left out.
            assert!(refused || (name == "top//x/C:" && result.is_ok()), "{name} {kind:?}: {result:?}");
        }
        if name.len() < 90 && name != "top//x/C:" {
            let hidden = Archive::new().entry(EntryType::XHeader, "pax", &pax("path", name)).entry(
                EntryType::Regular,
                "top/harmless.py",
                b"x",
            );
            assert!(matches!(hidden.read(), Err(SnapshotError::UnsafePath { .. })), "{name} by pax");
        }
    }
}

#[test]
fn names_that_cannot_be_written_are_left_out_and_counted() {
    let snapshot = Archive::new().file("a\\b.py", b"1").file("bell\x07.py", b"2").file("ok.py", b"3").read();
    let snapshot = snapshot.expect("a good archive");
    assert_eq!((snapshot.len(), snapshot.unlisted()), (1, 2));

    let mut header = Header::new_ustar();
    header.as_ustar_mut().expect("a ustar header").name[..10].copy_from_slice(b"top/\xff\xfe.txt");
    header.set_size(1);
    header.set_cksum();
    let mut archive = Archive::new();
    archive.0.append(&header, &b"x"[..]).expect("memory takes all");
    let snapshot = archive.read().expect("a good archive");
    assert_eq!((snapshot.len(), snapshot.unlisted()), (0, 1));
}

#[test]
fn archives_that_git_does_not_write_are_refused() {
    let foreign = |archive: Archive, why: &str| match archive.read() {
        Err(SnapshotError::Foreign(sentence)) => assert!(sentence.contains(why), "{sentence}"),
        other => panic!("{why}: {other:?}"),
    };
    foreign(
        Archive::new().file("a", b"1").entry(EntryType::Regular, "other-top/b", b"2"),
        "several top folders",
    );
    foreign(Archive::new().entry(EntryType::Regular, "lonely", b"1"), "beside its top folder");
    foreign(Archive::new().entry(EntryType::GNUSparse, "top/sparse", b"1"), "sparse");
    foreign(Archive::new().entry(EntryType::Symlink, "top/link", b"content"), "no file has content");
    foreign(Archive::new().entry(EntryType::Regular, "top/folder/", b"content"), "a folder has content");
    let size = Archive::new().entry(EntryType::XHeader, "pax", &pax("size", "9")).file("a", b"1");
    foreign(size, "a size stands outside");
    let sparse =
        Archive::new().entry(EntryType::XHeader, "pax", &pax("GNU.sparse.name", "x")).file("a", b"1");
    foreign(sparse, "sparse");
    for malformed in [&b"9 path=x"[..], b"99999999999999999999 path=x\n", b"0 a=b\n", b"nonsense", b"3 \n"] {
        foreign(Archive::new().entry(EntryType::XHeader, "pax", malformed), "malformed");
    }
    let endless = vec![b'a'; (64 << 10) + 1];
    foreign(Archive::new().entry(EntryType::GNULongName, "long", &endless), "extension header is too long");
}

#[test]
fn a_path_given_twice_is_refused() {
    let twice = Archive::new().file("a.py", b"shown").file("b.py", b"").file("a.py", b"applied").read();
    assert_eq!(twice.map(|_| ()), Err(SnapshotError::DuplicatePath(path("a.py"))));
    let linked =
        Archive::new().file("a.py", b"").entry(EntryType::Symlink, &format!("{TOP}/a.py"), b"").read();
    assert_eq!(linked.map(|_| ()), Err(SnapshotError::DuplicatePath(path("a.py"))));
}

#[test]
fn a_cut_or_altered_archive_is_never_taken_for_a_whole_one() {
    let archive = || Archive::new().file("a.py", &[b'x'; 700]).file("b.py", b"last");
    let whole = archive().gz();
    for length in 0..whole.len() {
        let result = read(&whole[..length], Limits::default());
        assert!(matches!(result, Err(SnapshotError::Damaged(_))), "cut at {length}: {result:?}");
    }
    let tar = archive().tar();
    for length in [0, 100, 512, 800, 1_536, 2_048, 2_100] {
        let result = read(&gzip(&tar[..length]), Limits::default());
        assert!(matches!(result, Err(SnapshotError::Damaged(_))), "tar cut at {length}: {result:?}");
    }
    let longer = [whole.as_slice(), b"more"].concat();
    assert!(matches!(read(&longer, Limits::default()), Err(SnapshotError::Damaged(_))));
    let mut altered = tar.clone();
    altered[3] ^= 1;
    assert!(matches!(read(&gzip(&altered), Limits::default()), Err(SnapshotError::Damaged(_))));
    for page in [&b"<html>Not Found</html>"[..], b"{\"message\":\"Bad credentials\"}", b"PK\x03\x04"] {
        assert!(matches!(read(page, Limits::default()), Err(SnapshotError::Damaged(_))));
    }
}

#[test]
fn each_limit_holds_exactly() {
    let limits = Limits::default();
    let files = || Archive::new().file("a", b"12345").file("b", b"67890").gz();
    let too_big = |limits: Limits, archive: &[u8]| match read(archive, limits) {
        Err(SnapshotError::TooBig { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    let size = files().len() as u64;
    assert!(read(&files(), Limits { compressed_bytes: size, ..limits }).is_ok());
    assert_eq!(too_big(Limits { compressed_bytes: size - 1, ..limits }, &files()), "compressed bytes");
    // Two headers, two padded files, two blocks at the end.
    assert!(read(&files(), Limits { decompressed_bytes: 6 * 512, ..limits }).is_ok());
    let smaller = Limits { decompressed_bytes: 6 * 512 - 1, ..limits };
    assert_eq!(too_big(smaller, &files()), "bytes after decompression");
    assert!(read(&files(), Limits { files: 2, ..limits }).is_ok());
    assert_eq!(too_big(Limits { files: 1, ..limits }, &files()), "files");
    let devices =
        Archive::new().entry(EntryType::Fifo, "top/a", b"").entry(EntryType::Fifo, "top/b", b"").gz();
    assert_eq!(too_big(Limits { files: 1, ..limits }, &devices), "files");

    let kept = read(&files(), Limits { file_text_bytes: 4, ..limits }).expect("a good archive");
    assert_eq!(kept.text_bytes(), 0);
    let kept = read(&files(), Limits { text_bytes: 9, ..limits }).expect("a good archive");
    assert_eq!((kept.text(&path("a")), kept.text(&path("b"))), (Some("12345"), None));
    assert_eq!(kept.file(&path("b")).map(|file| &file.content), Some(&Content::TooLarge { size: 5 }));
}

#[test]
fn a_bomb_is_refused_long_before_it_is_unpacked() {
    let bomb = Archive::new().file("zeros", &vec![0; 64 << 20]).gz();
    assert!(bomb.len() < 1 << 20);
    match read(&bomb, Limits::default()) {
        Err(SnapshotError::Foreign(why)) => assert!(why.contains("compressed more"), "{why}"),
        other => panic!("{other:?}"),
    }
    // A header may promise what never comes; nothing is reserved for it.
    let mut header = Header::new_ustar();
    header.set_path("top/huge").expect("a short path");
    header.set_size(u64::from(u32::MAX));
    header.set_cksum();
    let result = read(&gzip(header.as_bytes()), Limits::default());
    assert!(matches!(result, Err(SnapshotError::Damaged(_))), "{result:?}");
}

#[test]
fn files_of_a_folder_are_those_below_it() {
    let archive =
        Archive::new().file("a-b/x", b"").file("a/x", b"").file("a/y/z", b"").file("a0", b"").file("b", b"");
    let snapshot = archive.read().expect("a good archive");
    let below = |folder: &str| -> Vec<&str> {
        let folder = FolderPath::parse(folder).expect("a good folder");
        snapshot.files_in(&folder).iter().map(|(path, _)| path.as_str()).collect()
    };
    assert_eq!(below("a"), ["a/x", "a/y/z"]);
    assert_eq!(below("a/y"), ["a/y/z"]);
    assert_eq!(below("a/x"), Vec::<&str>::new());
    assert_eq!(below("").len(), 5);
    let project = FolderPath::parse("a").expect("a good folder");
    let resolved = |text| snapshot.resolve(text, &project).map(RepoPath::as_str);
    assert_eq!(
        (resolved("a/x"), resolved("y/z"), resolved("b"), resolved("../b")),
        (Some("a/x"), Some("a/y/z"), Some("b"), None)
    );
}

#[test]
fn nothing_of_the_source_is_in_a_debug_text() {
    let snapshot = Archive::new().file("a.py", b"hunter2").read().expect("a good archive");
    let shown = format!("{snapshot:?} {:?}", snapshot.file(&path("a.py")));
    assert!(!shown.contains("hunter2") && shown.contains("7 bytes"), "{shown}");
}

proptest! {
    #[test]
    fn chunks_of_any_size_give_the_same_snapshot(size in 1_usize..600, files in prop::collection::vec(".{0,700}", 0..6)) {
        let mut archive = Archive::new();
        for (number, text) in files.iter().enumerate() {
            archive = archive.file(&format!("f{number}.txt"), text.as_bytes());
        }
        let archive = archive.gz();
        let mut reader = SnapshotReader::new(Limits::default());
        for chunk in archive.chunks(size) {
            reader.push(chunk).expect("a good archive");
        }
        let snapshot = reader.finish().expect("a good archive");
        prop_assert_eq!(snapshot.len(), files.len());
        for (number, text) in files.iter().enumerate() {
            let kept = snapshot.text(&path(&format!("f{number}.txt")));
            prop_assert_eq!(kept, (!text.contains('\0')).then_some(text.as_str()));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let _ = read(&bytes, Limits::default());
        let _ = read(&gzip(&bytes), Limits::default());
    }

    #[test]
    fn no_altered_header_makes_the_reader_panic(place in 0_usize..512, value in any::<u8>()) {
        let mut tar = Archive::new().file("a.py", b"text").tar();
        tar[place] = value;
        // With the right checksum, so that the altered field is looked at.
        tar[148..156].copy_from_slice(b"        ");
        let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        if let Ok(snapshot) = read(&gzip(&tar), Limits::default()) {
            prop_assert!(snapshot.text_bytes() <= 4);
        }
    }
}

//! Prints the properties of files, one JSON document per file.
//!
//! With `--jsonl` as the first argument: one line of JSON per file, also for files that
//! cannot be probed.

use std::fs::File;
use std::path::Path;

use serde_json::json;
use vpo_engine::probe;

fn main() {
    let mut names = std::env::args_os().skip(1).peekable();
    let as_lines = names.next_if(|name| name == "--jsonl").is_some();
    for name in names {
        let path = Path::new(&name);
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let answer = File::open(path)
            .map_err(probe::Problem::from)
            .and_then(|file| probe::probe(&file, &extension, probe::Limits::default()));
        if as_lines {
            let problem = answer.as_ref().err().map(ToString::to_string);
            let path = path.to_string_lossy();
            println!("{}", json!({"path": path, "media": answer.ok(), "problem": problem}));
            continue;
        }
        match answer {
            Ok(media) => println!("{}", serde_json::to_string_pretty(&media).unwrap_or_default()),
            Err(problem) => eprintln!("{}: {problem}", path.display()),
        }
    }
}

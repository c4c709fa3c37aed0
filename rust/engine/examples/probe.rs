//! Prints what the engine says of files, one JSON document a file.

use std::fs::File;
use std::path::Path;

use vpo_engine::probe;

fn main() {
    for name in std::env::args_os().skip(1) {
        let path = Path::new(&name);
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let answer = File::open(path)
            .map_err(probe::Problem::from)
            .and_then(|file| probe::probe(&file, &extension, probe::Limits::default()));
        match answer {
            Ok(media) => println!("{}", serde_json::to_string_pretty(&media).unwrap_or_default()),
            Err(problem) => eprintln!("{}: {problem}", path.display()),
        }
    }
}

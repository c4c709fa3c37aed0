//! Digests the files named on the command line: `digest [--leave-cache] [-t N] FILE...`.

use std::path::PathBuf;
use std::time::Duration;

use vpo_engine::digest::{Algorithm, Job, Pool, PoolOptions};

fn main() -> std::io::Result<()> {
    let mut options = PoolOptions::default();
    let mut arguments = std::env::args_os().skip(1).peekable();
    while let Some(flag) = arguments.next_if(|argument| argument.as_encoded_bytes()[0] == b'-') {
        match flag.to_str() {
            Some("--leave-cache") => options.leave_cache = true,
            _ => options.threads = arguments.next().unwrap().to_str().unwrap().parse().unwrap(),
        }
    }
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let blake3 = Algorithm::from_name("blake3").expect("the table has it");
    let pool = Pool::new(options);
    pool.submit(paths.iter().enumerate().map(|(key, path)| Job {
        key: key as i64,
        path: path.clone(),
        algorithms: [blake3].into(),
        ..Job::default()
    }))?;
    while pool.outstanding() > 0 {
        for completion in pool.take(Duration::from_secs(1)) {
            let path = paths[completion.key as usize].display();
            match completion.outcome {
                Ok(values) => println!("{}  {path}", values[0].1),
                Err(problem) => println!("{path}: {problem}"),
            }
        }
    }
    Ok(())
}

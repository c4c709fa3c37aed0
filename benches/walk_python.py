"""A peer: the walk most Python programs write, one line a file."""

import os
import sys


def main(root: str) -> None:
    write = sys.stdout.buffer.write
    for directory, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(directory, name)
            status = os.stat(path)
            write(b"%d %d %s\n" % (status.st_size, status.st_mtime_ns, path))


if __name__ == "__main__":
    main(sys.argv[1])

"""`python -m vpo`."""

from vpo.cli.main import main

if __name__ == "__main__":
    main()

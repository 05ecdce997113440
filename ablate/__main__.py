"""`python -m ablate`: the same as the command `ablate`."""

from ablate.cli import main

if __name__ == "__main__":
    main()

"""One command a file; exit codes and console output."""

"""What shows a study to people while it runs, and afterwards."""

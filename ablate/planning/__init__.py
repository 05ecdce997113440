"""What a study can show, worked out before anything trains, and frozen when it starts."""

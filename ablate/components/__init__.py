"""What a study can vary: data, models, losses and training schemes."""

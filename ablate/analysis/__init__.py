"""Table in, numbers out: effects, interactions and their intervals. Loads neither torch, optuna nor mlflow."""

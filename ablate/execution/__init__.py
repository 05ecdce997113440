"""Who carries a study out: the driver, its executors, Optuna's ledger, the tracker."""

"""The published calibration: tables as people have them, each with the limits that its verdicts must hold."""

def run_checks(report, target):
    pass

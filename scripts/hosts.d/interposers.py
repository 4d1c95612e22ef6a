def checks():
    return iter(())

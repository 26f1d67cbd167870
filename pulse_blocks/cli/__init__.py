"""The command line. Command modules are light: what a command needs is imported when it runs."""

"""A fold with timers (alarms.c), which the presets with tests build, on a real server."""

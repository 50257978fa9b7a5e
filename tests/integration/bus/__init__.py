"""The bus against a real server, through bus_probe (probe.c), which the dev preset builds."""

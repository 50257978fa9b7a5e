"""The stores against a real server and a stock client, through store_probe (probe.c), which the dev preset builds."""

"""What the tests with real processes stand on: servers, actors, clients. tests/faults uses it, too."""

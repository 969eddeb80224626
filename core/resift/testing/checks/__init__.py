"""The checks of the contract, one module per topic: see `resift.testing.contract`."""

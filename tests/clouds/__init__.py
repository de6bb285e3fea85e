"""Stand-ins of the clouds that Atlas peers with, for tests on loopback. They import nothing from `plugins/`."""

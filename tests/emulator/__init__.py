"""An emulator of MongoDB Atlas's Admin API for network peering, on loopback.

It shares no code with the collection it helps to test, so the two cannot share a mistake. Start it with
`python -m tests.emulator`, or inside a test with `server.running`.
"""

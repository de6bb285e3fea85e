# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulator of MongoDB Atlas's Admin API for network peering, on loopback.

It shares no code with the collection it helps to test, so the two cannot share a mistake. Start it with
`python -m tests.emulator`, or inside a test with `server.running`.
"""

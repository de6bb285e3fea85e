# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-ins of the clouds that Atlas peers with, for tests on loopback. They import nothing from `plugins/`."""

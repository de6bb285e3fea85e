# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long tasks take, what they send and how much memory they need: `python -m tests.benchmarks`. No tests."""

# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of this is private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere."""

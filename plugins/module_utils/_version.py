# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of the collection, which a module cannot read from galaxy.yml where it runs. `make release` writes both."""

from __future__ import annotations

VERSION = "4.1.0"

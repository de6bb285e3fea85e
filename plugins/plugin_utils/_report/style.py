# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style sheet of a report: light and dark, for screens, phones and paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f6f8fa; --ink: #1c2126; --quiet: #57606a; --line: #d5dae0; --link: #0b5cad;
  --fail: #b3261e; --fail-soft: #fdecea; --warn: #8a5300; --warn-soft: #fff4e0;
  --unknown: #4b5563; --unknown-soft: #eceff3; --info: #0b5cad; --info-soft: #e7f1fb; --ok: #1a6b3c; --ok-soft: #e6f4ea;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --card: #1b2128; --ink: #e6eaee; --quiet: #9aa7b4; --line: #36404b; --link: #7ab8ff;
    --fail: #ff8a80; --fail-soft: #3a1b1a; --warn: #f5bf60; --warn-soft: #36290f;
    --unknown: #b6c2cf; --unknown-soft: #2a323b; --info: #7ab8ff; --info-soft: #15293e; --ok: #74d39a; --ok-soft: #14301f;
  }
}
.fail, .not_reachable { --tone: var(--fail); --soft: var(--fail-soft); }
.warn { --tone: var(--warn); --soft: var(--warn-soft); }
.unknown { --tone: var(--unknown); --soft: var(--unknown-soft); }
.info { --tone: var(--info); --soft: var(--info-soft); }
.reachable_by_design { --tone: var(--ok); --soft: var(--ok-soft); }

* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1108px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 16px; }
h2 { font-size: 1.15rem; line-height: 1.5; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 .tag { vertical-align: 1px; }
p { margin: 0 0 8px; }
a { color: var(--link); }
code, .id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
.quiet { color: var(--quiet); }
.verdict { border-left: 6px solid var(--tone); border-radius: 4px; background: var(--soft);
  padding: 14px 18px; margin: 0 0 12px; }
.verdict strong { color: var(--tone); font-size: 1.2rem; display: block; }
.verdict p { margin: 0; overflow-wrap: anywhere; }
.word { color: var(--tone); font-weight: 600; }
.tag { color: var(--tone); background: var(--soft); border-radius: 4px; padding: 1px 7px; font-size: .8125rem; font-weight: 600;
  white-space: nowrap; }
section { border-top: 1px solid var(--line); margin-top: 28px; padding-top: 20px; }

table { border-collapse: collapse; width: 100%; margin: 12px 0; font-size: .9375rem; }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: .8125rem; }
th, td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
td { overflow-wrap: anywhere; }
td.short { overflow-wrap: normal; white-space: nowrap; }
tr:target { background: var(--soft); }
.fix { color: var(--ink); margin: 2px 0 0; }
.fix::before { content: "→ "; color: var(--tone); font-weight: 700; }
.number { display: inline-block; min-width: 22px; padding: 0 4px; border-radius: 11px;
  background: var(--tone); color: var(--paper);
  text-align: center; font-size: .8125rem; font-weight: 700; line-height: 22px; }
details { margin: 6px 0 0; font-size: .875rem; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--quiet); }
pre { margin: 6px 0 0; padding: 8px 10px; background: var(--card); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8125rem; }
ul { margin: 6px 0 0; padding-left: 20px; }

svg { display: block; width: 100%; height: auto; margin: 16px 0 4px; font-size: 13px; }
svg text { fill: var(--ink); }
svg .title { font-weight: 600; }
svg .quiet { fill: var(--quiet); }
svg .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
svg .subnet .mono { font-size: 10px; }
svg .side rect { fill: var(--card); stroke: var(--line); stroke-width: 1.5; }
svg .subnet rect { fill: var(--soft); stroke: var(--tone); stroke-width: 1.5; }
svg .wire { stroke: var(--tone); stroke-width: 4; fill: none; }
svg .wire.not_reachable { stroke-dasharray: 9 7; }
svg .wire.unknown { stroke-dasharray: 2 7; stroke-linecap: round; }
svg .badge circle, svg .badge rect { fill: var(--tone); stroke: var(--paper); stroke-width: 2; }
svg .badge text { fill: var(--paper); font-size: 11px; font-weight: 700; text-anchor: middle; }
svg.narrow { display: none; max-width: 358px; }
svg.wide { max-width: 1060px; }

@media screen and (max-width: 760px) {
  main { padding: 16px; }
  svg.wide { display: none; }
  svg.narrow { display: block; }
  table, tbody, tr, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-bottom: 1px solid var(--line); padding: 10px 0; }
  td { border: 0; padding: 2px 0; }
  td.short, .overview td { display: inline-block; width: auto; padding-right: 10px; }
  .overview .none { display: none; }
}
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
  details { display: none; }
  a { color: inherit; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

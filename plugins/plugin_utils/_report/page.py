# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a check as an HTML page: its style sheet, its template, and the function that fills it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.drawing import NARROW, WIDE, draw
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import LIMIT, Result, above_of, also, link_of, view_of
from jinja2 import Environment, StrictUndefined

# If there are more connections, the drawings of those without findings are folded.
UNFOLDED = 5

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


_DRAWING = """
{%- macro badges(listed, connection) %}
{%- for badge in listed %}
{%- if badge.number is none %}
  <g class="badge {{ badge.severity }}"><rect x="{{ badge.x - 12 }}" y="{{ badge.y - 9 }}" width="24" height="18" rx="9"/>
    <text x="{{ badge.x }}" y="{{ badge.y + 4 }}">{{ badge.text }}</text></g>
{%- else %}
  <a href="#c{{ connection.number }}-f{{ badge.number }}"><g class="badge {{ badge.severity }}">
    <title>{{ connection.findings[badge.number - 1].code }}: {{ connection.findings[badge.number - 1].message }}</title>
    <circle cx="{{ badge.x }}" cy="{{ badge.y }}" r="10"/>
    <text x="{{ badge.x }}" y="{{ badge.y + 4 }}">{{ badge.text }}</text></g></a>
{%- endif %}
{%- endfor %}
{%- endmacro %}

{%- macro side(box, connection) %}
  <g class="side">
  <rect x="{{ box.x + 1 }}" y="{{ box.y }}" width="{{ box.width - 2 }}" height="{{ box.height }}" rx="8"/>
  <text class="title" x="{{ box.x + 14 }}" y="{{ box.y + 26 }}">{{ box.title | truncate(38, true) }}</text>
{%- for line in box.lines %}
  <text class="mono{{ '' if loop.first else ' quiet' }}" x="{{ box.x + 14 }}" y="{{ box.y + 28 + 17 * loop.index }}">
    {{- line | truncate(28, true) }}</text>
{%- endfor %}
  </g>
{{- badges(box.badges, connection) }}
{%- endmacro %}

{%- macro drawing(picture, connection) %}
<svg class="{{ picture.layout.name }}" viewBox="0 0 {{ picture.layout.width }} {{ picture.height }}" role="group"
  aria-label="Atlas and the {{ connection.cloud.noun }}: {{ connection.verdict }}">
  <line class="wire {{ connection.result.verdict }}" x1="{{ picture.line[0] }}" y1="{{ picture.line[1] }}"
    x2="{{ picture.line[2] }}" y2="{{ picture.line[3] }}"/>
  <text class="mono" x="{{ picture.label[0] }}" y="{{ picture.label[1] }}" style="font-size: 10px"
    text-anchor="{{ 'start' if picture.layout.is_stacked else 'middle' }}">{{ picture.label[2] | truncate(22, true) }}</text>
{{- side(picture.container, connection) }}
{{- side(picture.vpc, connection) }}
{%- for box in picture.subnets %}
  <g class="subnet {{ box.kind }}">
  <rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" rx="5"/>
  <text class="mono" x="{{ box.x + 8 }}" y="{{ box.y + 20 }}">{{ box.title | truncate(24, true) }}</text>
  <text class="mono quiet" x="{{ box.x + 8 }}" y="{{ box.y + 36 }}">{{ box.lines[0] }}</text>
  </g>
{{- badges(box.badges, connection) }}
{%- endfor %}
{{- badges(picture.badges, connection) }}
</svg>
{%- endmacro %}
"""

_CONNECTION = """
{%- macro counts(connection) %}
{%- for severity, count in connection.counts.items() %}<span class="tag {{ severity }}">{{ count }} {{ severity }}</span>
{% else %}<span class="quiet none">no findings</span>{% endfor %}
{%- endmacro %}

{%- macro finding_row(finding, connection) %}
<tr id="c{{ connection.number }}-f{{ finding.number }}" class="{{ finding.severity }}">
<td class="short"><span class="number">{{ finding.number }}</span></td>
<td class="short"><span class="tag">{{ finding.severity }}</span></td>
<td class="short"><a href="{{ finding.link }}" rel="noreferrer">{{ finding.code }}</a></td>
<td>{% if finding.subject %}<code>{{ finding.subject }}</code>: {% endif %}{{ finding.message }}
{%- if finding.fix %}<p class="fix">{{ finding.fix }}</p>{% endif %}
{%- if finding.others %}<p class="quiet">{{ finding | also }}</p>{% endif %}
{%- if finding.evidence %}
<details><summary>evidence</summary><pre>{{ finding.evidence | evidence }}</pre></details>{% endif %}</td>
</tr>
{%- endmacro %}

{%- macro section(connection, pictures, is_folded) %}

<section id="c{{ connection.number }}">
<h2><span class="id">{{ connection.title }}</span>
<span class="tag {{ connection.result.verdict }}">{{ connection.verdict }}</span></h2>
{%- if connection.place or connection.result.expires_at %}
<p class="quiet">{{ connection.place }}
{%- if connection.result.expires_at %}{{ '; ' if connection.place }}the request expires at {{ connection.result.expires_at }}
{%- endif %}</p>
{%- endif %}
{%- if not is_folded %}{% for picture in pictures %}{{ drawing(picture, connection) }}{% endfor %}{% endif %}
{%- if connection.findings %}
<table><thead><tr><th scope="col">#</th><th scope="col">severity</th><th scope="col">code</th><th scope="col">what, and what to do
</th></tr></thead><tbody>
{%- for finding in connection.findings %}{{ finding_row(finding, connection) }}{% endfor %}
</tbody></table>
{%- endif %}
{%- if connection.above %}
<p class="quiet">{{ connection | above }}</p>
{%- endif %}
{%- if is_folded %}
<details><summary>both sides</summary>{% for picture in pictures %}{{ drawing(picture, connection) }}{% endfor %}</details>
{%- endif %}
{%- if connection.ok or connection.skipped %}
<details><summary>{{ connection.ok | length }} checks without a finding, {{ connection.skipped | length }} skipped</summary>
<p>{% for code in connection.ok %}<a href="{{ code | link }}" rel="noreferrer">{{ code }}</a> {% endfor %}</p><ul>
{%- for one in connection.skipped %}
<li><a href="{{ one.code | link }}" rel="noreferrer">{{ one.code }}</a> {{ one.message }}</li>
{%- endfor %}
</ul></details>
{%- endif %}
</section>
{%- endmacro %}
"""

PAGE = (
    _DRAWING
    + _CONNECTION
    + """
{#- The page itself. -#}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Peering check: {{ check.verdict }}</title>
<style>"""
    + STYLE
    + """</style>
</head>
<body>
<main>
<h1>Peering check</h1>
<div class="verdict {{ verdict }}"><strong>{{ check.verdict }}</strong><p>{{ check.summary }}</p></div>
<p class="quiet">{{ limit }} Made at {{ made_at }}.</p>
{%- if check.not_looked_at %}
<ul class="quiet">{% for one in check.not_looked_at %}<li>{{ one }}</li>{% endfor %}</ul>
{%- endif %}
{%- if check.connections | length > 1 %}
<table class="overview"><thead><tr><th scope="col">{{ check.head[0] }}</th><th scope="col">{{ check.head[1] }}</th>
<th scope="col">verdict</th><th scope="col">findings</th></tr></thead><tbody>
{%- for connection in check.connections %}
<tr class="{{ connection.result.verdict }}">
<td class="short"><a class="id" href="#c{{ connection.number }}">{{ connection.title }}</a></td>
<td class="short">{{ connection.place }}</td><td class="short"><span class="word">{{ connection.verdict }}</span></td>
<td>{{ counts(connection) }}</td></tr>
{%- endfor %}
</tbody></table>
{%- endif %}
{%- for connection in check.connections %}
{{- section(connection, pictures[loop.index0], not connection.findings and check.connections | length > unfolded) }}{% endfor %}
</main>
</body>
</html>
"""
)


def to_html(peering_check: Result, made_at: str) -> str:
    """Return the whole page; all texts from Atlas, the clouds and the options are escaped.

    Args:
        peering_check: The field `peering_check` of a result.
        made_at: When the report is made, as text.
    """
    # Autoescape covers all inserted values, and no text of the result becomes a template.
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["evidence"] = _evidence
    environment.filters["link"] = link_of
    environment.filters["also"] = also
    environment.filters["above"] = above_of
    check = view_of(peering_check)
    return environment.from_string(PAGE).render(
        check=check,
        verdict=peering_check["verdict"],
        pictures=[[draw(connection, layout) for layout in (WIDE, NARROW)] for connection in check.connections],
        limit=LIMIT,
        made_at=made_at,
        unfolded=UNFOLDED,
    )


def _evidence(values: t.Mapping[str, t.Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, default=str)

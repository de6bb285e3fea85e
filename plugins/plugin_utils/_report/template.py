# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of a report in HTML: one file, without scripts, and with nothing that is loaded from elsewhere."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.style import STYLE

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
  aria-label="Atlas and the {{ connection.words.noun }}: {{ connection.verdict }}">
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

# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a check as an HTML page: its style sheet, its template, and the function that fills it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.drawing import NARROW, WIDE, Drawing, draw
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    LIMIT,
    VERDICTS,
    Check,
    Connection,
    Result,
    count,
    in_words,
    link_of,
    subjects_of,
    view_of,
)
from jinja2 import Environment, StrictUndefined

# If there are more connections, those without findings are folded, and so are the drawings of the others.
UNFOLDED = 5
# How many connections have a drawing, the worst of them, and how many of a finding are named before the others are folded.
MOST_DRAWN, MOST_NAMED = 100, 4

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
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1108px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 2px; }
h2 { font-size: 1.25rem; line-height: 1.4; margin: 40px 0 10px; }
h3 { font-size: 1.0625rem; line-height: 1.5; margin: 0 0 2px; overflow-wrap: anywhere; }
h3 .tag { vertical-align: 1px; }
p { margin: 0 0 8px; }
a { color: var(--link); text-underline-offset: 2px; }
code, .id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
.name { font-weight: 600; }
.verdict { border-left: 6px solid var(--tone); border-radius: 6px; background: var(--soft);
  padding: 14px 18px; margin: 16px 0 12px; }
.verdict strong { color: var(--tone); font-size: 1.2rem; display: block; }
.verdict p { margin: 0; overflow-wrap: anywhere; }
.word { color: var(--tone); font-weight: 600; }
.tag { color: var(--tone); background: var(--soft); border-radius: 4px; padding: 1px 7px; font-size: .8125rem; font-weight: 600;
  white-space: nowrap; }

.figures { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0 0; padding: 0; }
.figures div { flex: 1 1 130px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.figures dt { color: var(--quiet); font-size: .8125rem; }
.figures dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.25; }
.figures .not_reachable dd, .figures .unknown dd, .figures .reachable_by_design dd { color: var(--tone); }
.bar { display: flex; gap: 2px; height: 10px; margin: 10px 0 0; }
.bar span { background: var(--tone); min-width: 4px; border-radius: 3px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; padding: 10px 0; border-top: 1px solid var(--line);
  border-bottom: 1px solid var(--line); font-size: .9375rem; }
nav b { color: var(--quiet); font-weight: 600; }

.finding { border: 1px solid var(--line); border-left: 4px solid var(--tone); border-radius: 6px; padding: 12px 16px;
  margin: 0 0 12px; overflow-wrap: anywhere; }
.finding:target, section:target > .head { background: var(--soft); }
.finding h3 { font-weight: 500; }
.finding h3 a { font-weight: 600; }
.where { list-style: none; margin: 6px 0 0; padding: 0; font-size: .875rem; }
.where li { padding: 3px 0; }
.where li + li { border-top: 1px dotted var(--line); }
.where a, .where .name { margin-right: 4px; }
.about { display: inline-block; max-width: 100%; color: var(--quiet); margin-left: 12px; }
section { border-top: 1px solid var(--line); margin-top: 24px; padding-top: 18px; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 4px 0 0; font-size: .875rem; }
.facts div { display: flex; gap: 6px; overflow-wrap: anywhere; min-width: 0; }
.facts dt { color: var(--quiet); white-space: nowrap; }
.facts dd { margin: 0; min-width: 0; }

caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
table { border-collapse: collapse; width: 100%; margin: 12px 0; font-size: .9375rem; }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: .8125rem; }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
td { overflow-wrap: anywhere; }
td.short { overflow-wrap: normal; white-space: nowrap; }
td.figure, th.figure { text-align: right; }
tr:target { background: var(--soft); }
.fix { color: var(--ink); margin: 2px 0 0; }
.fix::before { content: "→ "; color: var(--tone); font-weight: 700; }
.number { display: inline-block; min-width: 22px; padding: 0 4px; border-radius: 11px;
  background: var(--tone); color: var(--paper);
  text-align: center; font-size: .8125rem; font-weight: 700; line-height: 22px; }
details { margin: 6px 0 0; font-size: .875rem; overflow-wrap: anywhere; }
details details { font-size: 1em; }
summary { cursor: pointer; color: var(--quiet); }
.fold { border: 1px solid var(--line); border-radius: 8px; margin: 12px 0 0; padding: 10px 16px; background: var(--card); }
.fold > summary { font-weight: 600; font-size: .9375rem; }
.one > summary { color: var(--ink); }
.one > summary .id { font-weight: 500; }
.one:target { outline: 2px solid var(--link); }
.one:target::details-content { content-visibility: visible; height: auto; }
.one section { border: 0; margin: 0; padding: 4px 0 0; }
pre { margin: 6px 0 0; padding: 8px 10px; background: var(--card); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8125rem; }
ul { margin: 6px 0 0; padding-left: 20px; }
.owner { display: none; }
.order { margin-right: 12px; }
#by-owner:checked ~ .cards { display: flex; flex-direction: column; }
#by-owner:checked ~ .cards .owner { display: block; margin: 14px 0 8px; }
#by-owner:checked ~ .cards .finding { min-width: 0; }

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
  main { padding: 16px 16px 32px; }
  svg.wide { display: none; }
  svg.narrow { display: block; }
  .figures div { flex-basis: 96px; padding: 8px 12px; }
  .figures dd { font-size: 1.25rem; }
  table, tbody, tr, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-bottom: 1px solid var(--line); padding: 10px 0; }
  td { border: 0; padding: 2px 0; }
  td.short, .overview td { display: inline-block; width: auto; padding-right: 10px; white-space: normal; }
  .overview td.first { display: block; padding-right: 0; }
  td.figure { text-align: left; }
  .overview .none, .overview td:empty { display: none; }
  td[data-unit]::after { content: " " attr(data-unit); }
}
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  tr, svg, .finding { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details, nav, input, .order { display: none; }
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
  <a href="#c{{ connection.number }}-f{{ badge.number }}" tabindex="-1"><g class="badge {{ badge.severity }}">
{%- set finding = connection.findings[badge.number - 1] %}
    <title>{{ finding.codes | join(", ") }}: {{ finding.message }}</title>
    <circle cx="{{ badge.x }}" cy="{{ badge.y }}" r="10"/>
    <text x="{{ badge.x }}" y="{{ badge.y + 4 }}">{{ badge.text }}</text></g></a>
{%- endif %}
{%- endfor %}
{%- endmacro %}

{%- macro side(box, connection) %}
  <g class="side">
  <rect x="{{ box.x + 1 }}" y="{{ box.y }}" width="{{ box.width - 2 }}" height="{{ box.height }}" rx="8"/>
  <text class="title" x="{{ box.x + 14 }}" y="{{ box.y + 26 }}">{{ box.title | cut(38) }}</text>
{%- for line in box.lines %}
  <text class="mono{{ '' if loop.first else ' quiet' }}" x="{{ box.x + 14 }}" y="{{ box.y + 28 + 17 * loop.index }}">
    {{- line | cut(28) }}</text>
{%- endfor %}
  </g>
{{- badges(box.badges, connection) }}
{%- endmacro %}

{%- macro drawing(picture, connection) %}
<svg class="{{ picture.layout.name }}" viewBox="0 0 {{ picture.layout.width }} {{ picture.height }}" role="img"
  aria-label="Atlas and the {{ connection.cloud.noun }}: {{ connection.verdict }}">
  <line class="wire {{ connection.result.verdict }}" x1="{{ picture.line[0] }}" y1="{{ picture.line[1] }}"
    x2="{{ picture.line[2] }}" y2="{{ picture.line[3] }}"/>
  <text class="mono" x="{{ picture.label[0] }}" y="{{ picture.label[1] }}" style="font-size: 10px"
    text-anchor="{{ 'start' if picture.layout.is_stacked else 'middle' }}">{{ picture.label[2] | cut(24) }}</text>
{{- side(picture.container, connection) }}
{{- side(picture.vpc, connection) }}
{%- for box in picture.subnets %}
  <g class="subnet {{ box.kind }}"><title>{{ box.title }} {{ box.lines | join(" ") }}</title>
  <rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" rx="5"/>
  <text class="mono" x="{{ box.x + 8 }}" y="{{ box.y + 20 }}">{{ box.title | cut(24) }}</text>
{%- for line in box.lines %}
  <text class="mono quiet" x="{{ box.x + 8 }}" y="{{ box.y + 20 + 15 * loop.index }}">{{ line | cut(24) }}</text>
{%- endfor %}
  </g>
{{- badges(box.badges, connection) }}
{%- endfor %}
{{- badges(picture.badges, connection) }}
</svg>
{%- endmacro %}
"""

_PARTS = """
{%- macro counts(one) %}
{%- for severity, number in one.counts.items() %}<span class="tag {{ severity }}">{{ number }} {{ severity }}</span>
{% else %}<span class="quiet none">no findings</span>{% endfor %}
{%- endmacro %}

{%- macro code_link(code) %}<a href="{{ code | link }}" rel="noreferrer">{{ code }}</a>{% endmacro %}

{%- macro lines(commands) %}{% if commands %}<pre>{{ commands | join("\n") }}</pre>{% endif %}{% endmacro %}

{%- macro whose(one) %}{% if one.owner %}<p class="quiet small">For {{ one.owner }}.</p>{% endif %}{% endmacro %}

{%- macro place_line(place, group) %}
<li>{% if check.is_many %}<span class="name">{{ place.project }}</span> {% endif %}
{%- if place.connection %}<a class="id" href="#c{{ place.connection.number }}">{{ place.title }}</a>
{%- if place.connection.name %} {{ place.connection.name }}{% endif %}
{%- else %}<span class="id">{{ place.title }}</span> <span class="quiet">not read this time</span>{% endif %}
{%- if place.is_new %} <span class="tag">new</span>{% endif %}
{%- for id, name in place | subjects(group) %}
<span class="about"><span class="id">{{ id }}</span>{% if name %} {{ name }}{% endif %}</span>
{%- endfor %}{{ lines(place.commands) }}</li>
{%- endmacro %}

{%- macro group_card(group) %}
<article class="finding {{ group.severity }}" id="f{{ group.number }}" style="order: {{ owners[group.owner] + 1 }}">
<h3><span class="tag">{{ group.severity }}</span> {{ code_link(group.code) }}
{% if group.subject %}<code>{{ group.subject }}</code>: {% endif %}{{ group.message }}</h3>
{%- if group.fix %}<p class="fix">{{ group.fix }}</p>{{ whose(group) }}{% endif %}
<p class="quiet small">{{ group.places | length | count("connection") }}
{%- if check.is_many %} in {{ group.projects | count("project") }}{% endif %}
{%- if group.codes | length > 1 %}, needed by {{ group.codes | length }} checks: {{ group.codes | join(", ") }}{% endif %}.
{%- if group.history %} {{ group.history }}{% endif %}</p>
<ul class="where">{% for place in group.places[:named] %}{{ place_line(place, group) }}{% endfor %}</ul>
{%- if group.places | length > named %}
<details><summary>and {{ (group.places | length) - named }} more</summary>
<ul class="where">{% for place in group.places[named:] %}{{ place_line(place, group) }}{% endfor %}</ul></details>
{%- endif %}
</article>
{%- endmacro %}

{%- macro project_rows(projects) %}
<table class="overview"><caption>Projects</caption><thead><tr><th scope="col">project</th><th scope="col">id</th>
<th scope="col" class="figure">connections</th><th scope="col">states in Atlas</th><th scope="col">verdict</th>
<th scope="col">findings</th></tr></thead><tbody>
{%- for one in projects %}
<tr id="p{{ one.number }}" class="{{ one.result.verdict or '' }}">
<td class="first"><span class="name">
{%- if one.counts and one.result.name %}<a href="#c{{ one.first }}">{{ one.result.name }}</a>{% else %}{{ one.result.name or "" }}
{%- endif %}</span></td>
<td class="short"><code>{{ one.result.id }}</code></td>
<td class="figure" data-unit="{{ 'connection' if one.result.count == 1 else 'connections' }}">{{ one.result.count }}</td>
<td>{{ one.states }}</td>
<td class="short">{% if one.result.count %}<span class="word">{{ one.verdict }}</span>{% endif %}</td>
<td>{{ counts(one) }}</td></tr>
{%- endfor %}
</tbody></table>
{%- endmacro %}

{%- macro connection_rows(connections, is_target) %}
<table class="overview"><caption>Connections</caption><thead><tr>{% if check.is_many %}<th scope="col">project</th>{% endif %}
<th scope="col">{{ check.head[0] }}</th><th scope="col">{{ check.head[1] }}</th><th scope="col">state in Atlas</th>
<th scope="col">verdict</th><th scope="col">findings</th></tr></thead><tbody>
{%- for one in connections %}
<tr class="{{ one.result.verdict }}"{% if is_target %} id="c{{ one.number }}"{% endif %}>
{%- if check.is_many %}<td class="first name">{{ one.project }}</td>{% endif %}
<td class="first">{% if is_target %}<span class="id">{{ one.title }}</span>{% else -%}
<a class="id" href="#c{{ one.number }}">{{ one.title }}</a>{% endif %}
{%- if one.name %} {{ one.name }}{% endif %}</td>
<td>{{ one.place }}</td><td>{{ one.state }}</td><td class="short"><span class="word">{{ one.verdict }}</span></td>
<td>{{ counts(one) }}</td></tr>
{%- endfor %}
</tbody></table>
{%- endmacro %}

{%- macro finding_row(finding, connection) %}
<tr id="c{{ connection.number }}-f{{ finding.number }}" class="{{ finding.severity }}">
<td class="short"><span class="number">{{ finding.number }}</span></td>
<td class="short"><span class="tag">{{ finding.severity }}</span></td>
<td class="short">{{ code_link(finding.code) }}</td>
<td>{% if finding.subject %}<code>{{ finding.subject }}</code>: {% endif %}{{ finding.message }}
{%- if finding.codes | length > 1 %}
<p class="quiet small">Needed by {{ finding.codes | length }} checks: {{ finding.codes | join(", ") }}.</p>{% endif %}
{%- if finding.is_shared and finding.group and has_groups %}
<p class="quiet small"><a href="#f{{ finding.group }}">What to do, and the other connections</a></p>
{%- elif finding.fix %}<p class="fix">{{ finding.fix }}</p>
{%- if not has_groups %}{{ whose(finding) }}{{ lines(finding.commands) }}{% endif %}{% endif %}
{%- if finding.evidence %}
<details><summary>evidence</summary><pre>{{ finding.evidence | evidence }}</pre></details>{% endif %}</td>
</tr>
{%- endmacro %}

{%- macro fact(name, value) %}{% if value %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endif %}{% endmacro %}

{%- macro section(connection, pictures, is_folded) %}

<section{% if not check.is_many %} id="c{{ connection.number }}"{% endif %}>
{%- if not check.is_many %}
<h3 class="head"><span class="id">{{ connection.title }}</span>
{% if connection.name %}{{ connection.name }} {% endif -%}
<span class="tag {{ connection.result.verdict }}">{{ connection.verdict }}</span></h3>
{%- endif %}
<dl class="facts">
{{- fact("project", connection.result.group_id if check.is_many else "") }}
{{- fact(connection.place_noun, connection.place) }}
{{- fact("connection", connection.id or "no " ~ connection.id_noun) }}
{{- fact("in Atlas", connection.state) }}
{{- fact("expires at", connection.result.expires_at) }}</dl>
{%- if not is_folded %}{% for picture in pictures %}{{ drawing(picture, connection) }}{% endfor %}{% endif %}
{%- if connection.findings %}
<table><caption>What was found on {{ connection.title }}</caption>
<thead><tr><th scope="col">#</th><th scope="col">severity</th><th scope="col">code</th><th scope="col">what, and what to do
</th></tr></thead><tbody>
{%- for finding in connection.findings %}{{ finding_row(finding, connection) }}{% endfor %}
</tbody></table>
{%- endif %}
{%- if is_folded and pictures %}
<details><summary>both sides</summary>{% for picture in pictures %}{{ drawing(picture, connection) }}{% endfor %}</details>
{%- endif %}
{%- if connection.ok or connection.skipped %}
<details><summary>{{ connection.ok | length | count("check") }} without a finding,
{{ connection.skipped | length }} skipped</summary>
<p>{% for code in connection.ok %}{{ code_link(code) }} {% endfor %}</p><ul>
{%- for one in connection.skipped %}
<li>{{ code_link(one.code) }} {{ one.message }}</li>
{%- endfor %}
</ul></details>
{%- endif %}
</section>
{%- endmacro %}
"""

_OVERVIEW = """
{%- if check.connections | length > 1 or check.is_many %}
<dl class="figures">
{%- if check.is_many %}<div><dt>projects</dt><dd>{{ (check.projects + check.failures) | length }}</dd></div>{% endif %}
<div><dt>connections</dt><dd>{{ check.connections | length }}</dd></div>
{%- for verdict, number in check.verdicts.items() %}
<div class="{{ verdict }}"><dt>{{ verdicts[verdict] }}</dt><dd>{{ number }}</dd></div>
{%- endfor %}
{%- if check.failures %}
<div class="not_reachable"><dt>projects not read</dt><dd>{{ check.failures | length }}</dd></div>
{%- endif %}
</dl>
<div class="bar" aria-hidden="true">
{%- for verdict, number in check.verdicts.items() if number %}<span class="{{ verdict }}" style="flex: {{ number }}"></span>
{%- endfor %}</div>
{%- endif %}
{%- if has_groups or check.is_many %}
<nav aria-label="Parts of this page">
{%- if check.failures %}<a href="#not-read">Not read <b>{{ check.failures | length }}</b></a>{% endif %}
{%- if has_groups %}<a href="#findings">Findings <b>{{ check.groups | length }}</b></a>{% endif %}
{%- if check.projects %}<a href="#projects">Projects <b>{{ check.projects | length }}</b></a>{% endif %}
{%- if check.connections %}<a href="#connections">Connections <b>{{ check.connections | length }}</b></a>{% endif %}
<a href="#limits">Limits</a></nav>
{%- endif %}
{%- if check.failures %}
<h2 id="not-read">Projects that could not be read</h2>
<table><caption>Projects that could not be read</caption>
<thead><tr><th scope="col">project</th><th scope="col">id</th><th scope="col">why</th></tr></thead><tbody>
{%- for one in check.failures %}
<tr><td><span class="name">{{ one.project_name or "" }}</span></td><td class="short"><code>{{ one.group_id }}</code></td>
<td>{{ one.msg }}</td></tr>
{%- endfor %}
</tbody></table>
{%- endif %}
{%- if has_groups %}
<h2 id="findings">Findings</h2>
{%- if owners | length > 1 %}
<input type="radio" name="order" id="by-severity" checked> <label class="order" for="by-severity">the worst first</label>
<input type="radio" name="order" id="by-owner"> <label class="order" for="by-owner">by owner</label>
{%- endif %}
<div class="cards">
{%- for owner, order in owners.items() %}
<h3 class="owner" style="order: {{ order }}">{{ owner or "Not known" }}</h3>{% endfor %}
{%- for group in check.groups %}{{ group_card(group) }}{% endfor %}
</div>
{%- endif %}
{%- if check.projects %}
<h2 id="projects">Projects</h2>
{%- set bad = check.projects | selectattr("counts") | list %}
{%- set well = check.projects | rejectattr("counts") | list %}
{%- if bad %}{{ project_rows(bad) }}{% endif %}
{%- if well %}
<details class="fold"><summary>{{ well | length | count("project") }} without a finding</summary>
{{- project_rows(well) }}</details>
{%- endif %}
{%- endif %}
"""

PAGE = (
    _DRAWING
    + _PARTS
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
<p class="quiet">{% if check.project %}Project {{ check.project }}, {% endif %}{{ made_at }}</p>
<div class="verdict {{ verdict }}"><strong>{{ check.verdict }}</strong><p>{{ check.summary }}</p></div>
"""
    + _OVERVIEW
    + """
{%- if few | length > 1 or rest %}
<h2 id="connections">Connections</h2>
{%- endif %}
{%- if few | length > 1 and not check.is_many %}{{ connection_rows(few, false) }}{% endif %}
{%- for connection in few %}
{%- if check.is_many %}
<details class="fold one" id="c{{ connection.number }}"{% if loop.index <= unfolded %} open{% endif %}>
<summary><span class="tag {{ connection.result.verdict }}">{{ connection.verdict }}</span> {{ connection.project }}
<span class="id">{{ connection.title }}</span>
{%- if connection.name %} {{ connection.name }}{% endif %} {{ counts(connection) }}</summary>
{{- section(connection, pictures[connection.number], true) }}</details>
{%- else %}{{ section(connection, pictures[connection.number], is_folded and has_groups) }}{% endif %}
{%- endfor %}
{%- if rest %}
<details class="fold"{% if not few and rest | length < 50 %} open{% endif %}>
<summary>{{ rest | length | count("connection") }} without a finding</summary>
{{- connection_rows(rest, check.is_many) }}
{%- for connection in rest if not check.is_many %}{{ section(connection, pictures[connection.number], true) }}{% endfor %}
</details>
{%- endif %}
<h2 id="limits">What this cannot say</h2>
<p class="quiet">{{ limit }}</p>
{%- if check.not_looked_at %}
<ul class="quiet">{% for one in check.not_looked_at %}<li>{{ one }}</li>{% endfor %}</ul>
{%- endif %}
</main>
</body>
</html>
"""
)


def to_html(peering_check: Result, moment: str) -> str:
    """Return the whole page; all texts from Atlas, the clouds and the options are escaped.

    Args:
        peering_check: The field `peering_check` of a result.
        moment: When the report is made, in UTC, as results have it.
    """
    # Autoescape covers all inserted values, and no text of the result becomes a template.
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters.update({"evidence": _evidence, "link": link_of, "count": count, "cut": _cut, "subjects": subjects_of})
    check = view_of(peering_check, moment)
    # Few connections are all shown as they are.
    is_few = len(check.connections) <= UNFOLDED and not check.is_many
    few = [one for one in check.connections if one.findings or is_few]
    environment.globals["check"] = check
    environment.globals["named"] = MOST_NAMED
    environment.globals["has_groups"] = check.has_groups
    # A style puts the findings of an owner behind its title, as a page without scripts has one order.
    environment.globals["owners"] = {owner: 2 * number for number, owner in enumerate(check.owners)}
    return environment.from_string(PAGE).render(
        verdict=peering_check["verdict"],
        verdicts=VERDICTS,
        few=few,
        rest=check.connections[len(few) :] if is_few else [one for one in check.connections if not one.findings],
        is_folded=not is_few,
        pictures=_pictures(check, few),
        limit=LIMIT,
        made_at=in_words(moment),
        unfolded=UNFOLDED,
    )


def _pictures(check: Check, few: t.Sequence[Connection]) -> dict[int, list[Drawing]]:
    """Return the drawings of connections by number: of the worst, as a page with those of a thousand is too large to be read."""
    drawn = (few if check.is_many else check.connections)[:MOST_DRAWN]
    found: dict[int, list[Drawing]] = {one.number: [] for one in check.connections}
    return {**found, **{one.number: [draw(one, layout) for layout in (WIDE, NARROW)] for one in drawn}}


def _evidence(values: t.Mapping[str, object]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, default=str)


def _cut(text: str, length: int) -> str:
    """Return a text that fits a box of the drawing."""
    return text if len(text) <= length else text[: length - 1] + "…"

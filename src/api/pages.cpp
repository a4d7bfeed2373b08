#include "api/pages.hpp"

namespace vibrato::api {

std::string_view status_page() {
  return R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vibratod</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; background: #8881; border-radius: 4px; padding: .1rem .3rem; }
pre { padding: .8rem; overflow-x: auto; }
#state { font-weight: 600; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
</style>
<h1>vibratod</h1>
<p>This database is <span id="state">being asked&hellip;</span></p>
<ul id="reasons"></ul>
<p><a href="/docs">Reference of the routes</a> &middot; <a href="/openapi.yaml">OpenAPI description</a></p>
<p>A first collection:</p>
<pre id="example"></pre>
<script>
const base = location.origin;
document.getElementById('example').textContent =
  `curl -X POST ${base}/v1/vector/first -H "Authorization: Bearer $KEY" \\\n` +
  `  -H "Content-Type: application/json" -d '{"dim": 3, "metric": "cosine"}'`;
async function look() {
  const state = document.getElementById('state');
  const reasons = document.getElementById('reasons');
  try {
    const answer = await (await fetch('/v1/health/ready')).json();
    state.textContent = answer.ready ? 'ready.' : 'not ready:';
    reasons.replaceChildren(...answer.reasons.map((reason) => {
      const item = document.createElement('li');
      item.textContent = reason;
      return item;
    }));
  } catch (error) {
    state.textContent = 'out of reach.';
    reasons.replaceChildren();
  }
}
look();
setInterval(look, 5000);
</script>
</html>
)html";
}

// The description is one that this project writes: two spaces a level, a path, a method and its summary on a line each.
std::string_view reference_page() {
  return R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vibratod: routes</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8883; vertical-align: top; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; background: #8881; padding: 1rem; border-radius: 4px; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
</style>
<h1>Routes</h1>
<p>From <a href="/openapi.yaml">openapi.yaml</a>, which has the fields and the statuses as well (below).</p>
<table><thead><tr><th>Method</th><th>Path</th><th>Role</th><th></th></tr></thead><tbody id="routes"></tbody></table>
<h2>Description</h2>
<pre id="text"></pre>
<script>
function row(cells) {
  const line = document.createElement('tr');
  for (const [text, tag] of cells) {
    const cell = document.createElement('td');
    const inner = document.createElement(tag);
    inner.textContent = text;
    cell.append(inner);
    line.append(cell);
  }
  return line;
}
async function show() {
  const text = await (await fetch('/openapi.yaml')).text();
  document.getElementById('text').textContent = text;
  const body = document.getElementById('routes');
  let path = '', method = '', summary = '', found;
  for (const line of text.split('\n')) {
    if ((found = line.match(/^  (\/\S*):$/))) path = found[1];
    else if ((found = line.match(/^    (get|put|post|patch|delete):$/))) method = found[1].toUpperCase();
    else if ((found = line.match(/^      summary: (.*)$/))) summary = found[1];
    else if ((found = line.match(/^      x-role: (.*)$/)))
      body.append(row([[method, 'code'], [path, 'code'], [found[1], 'span'], [summary, 'span']]));
  }
}
show();
</script>
</html>
)html";
}

}  // namespace vibrato::api

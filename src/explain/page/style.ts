// The looks of the page: two colours that tell apart with any colour vision, orange for probability and blue for
// attention; what is written in a reading face, everything about it in the system's own.

export const STYLE = `
:root {
  color-scheme: light dark; --bg: #fbfbfa; --panel: #fff; --ink: #1d2126; --soft: #5b636e; --line: #e3e3df;
  --faint: #eeeeea; --prob: 221 94 12; --attn: 37 99 235; --mark: #1d4ed8; --on-mark: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #15171a; --panel: #1b1e22; --ink: #e4e6e8; --soft: #9aa3ad; --line: #30353b; --faint: #24282d;
    --prob: 240 130 50; --attn: 88 148 255; --mark: #7fb0ff; --on-mark: #10141a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--ink); font: 14px/1.5 system-ui, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.35rem; font-weight: 600; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1rem; font-weight: 600; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.rank { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .35rem 0; }
.rank th { font-weight: 400; color: var(--soft); }
.rank th, .rank td { padding: .15rem .75rem .15rem 0; text-align: right; border-bottom: 1px solid var(--line); }
[hidden] { display: none !important; }
header { margin-bottom: 1.5rem; }
header dl { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: .35rem 0 0; color: var(--soft); }
header dl div { display: flex; gap: .4em; }
dt, dd { margin: 0; }
header dd { color: var(--ink); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
section { margin-top: 2.25rem; }
.scroll { overflow-x: auto; overflow-y: hidden; }
select, button {
  font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .25rem .5rem; max-width: 100%;
}
button { cursor: pointer; }
label { display: flex; align-items: center; gap: .4rem; min-width: 0; white-space: nowrap; }
label select { min-width: 0; text-overflow: ellipsis; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.25rem; margin: .25rem 0 .75rem; }
.reading { display: grid; grid-template-columns: minmax(0, 1fr) 21.5rem; gap: 2rem; align-items: start; }
.text {
  font: 1.14rem/1.85 ui-serif, Georgia, Cambria, "Times New Roman", serif; white-space: pre-wrap;
  overflow-wrap: anywhere;
}
.text h3 {
  font: 600 .72rem/1 system-ui, sans-serif; letter-spacing: .05em; text-transform: uppercase; color: var(--soft);
  margin: 1.1rem 0 .3rem;
}
.text h3:first-child { margin-top: 0; }
.text span { unicode-bidi: isolate; border-radius: 3px; padding: .12em 0; }
.text .given { color: var(--soft); }
.text .special {
  font: .72em ui-monospace, Menlo, Consolas, monospace; border: 1px solid var(--line); padding: .1em .3em;
  margin-right: .2em;
}
.text .made { cursor: pointer; background: rgb(var(--prob) / calc(var(--s) * .62)); }
.text .cut { text-decoration: line-through; text-decoration-color: var(--soft); }
.text i { font-style: normal; color: var(--soft); opacity: .6; }
.text.looking .made {
  background:
    linear-gradient(rgb(var(--attn) / calc(var(--a, 0) * .6)), rgb(var(--attn) / calc(var(--a, 0) * .6))),
    linear-gradient(rgb(var(--prob) / calc(var(--s) * .9)), rgb(var(--prob) / calc(var(--s) * .9)))
    0 100% / 100% 3px no-repeat;
}
.text.looking .given { background: rgb(var(--attn) / calc(var(--a, 0) * .6)); }
.text .made.on { outline: 2px solid var(--ink); outline-offset: 0; position: relative; }
aside {
  position: sticky; top: 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem; max-height: calc(100vh - 2rem); overflow: auto;
}
aside header { display: flex; align-items: baseline; gap: .6rem; margin: 0 0 .5rem; }
aside .close { display: none; margin-left: auto; line-height: 1; }
.mono { font-family: ui-monospace, Menlo, Consolas, monospace; }
#name { font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 400; color: var(--soft); text-align: right; padding: .1rem 0 .1rem .6rem; white-space: nowrap; }
td { text-align: right; padding: .1rem 0 .1rem .6rem; }
th:first-child { text-align: left; padding-left: 0; }
.bars {
  display: grid; grid-template-columns: minmax(3.5rem, max-content) 1fr max-content max-content; gap: .14rem .55rem;
  align-items: center; margin: .35rem 0 .9rem; font-variant-numeric: tabular-nums; font-size: .86rem;
}
.bars .word {
  font: .82rem ui-monospace, Menlo, Consolas, monospace; max-width: 8.5rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap;
}
.bars .track { position: relative; height: .7rem; background: var(--faint); border-radius: 2px; }
.bars .track b { position: absolute; inset: 0 auto 0 0; background: rgb(var(--prob) / .85); border-radius: 2px; }
.bars .look b { background: rgb(var(--attn) / .8); }
.bars .track u { position: absolute; top: -2px; bottom: -2px; width: 2px; background: var(--ink); }
.bars .number { text-align: right; }
.bars .chosen { font-weight: 700; }
.bars .gone { color: var(--soft); }
.view { margin-top: .8rem; }
.legend {
  display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .9rem; color: var(--soft); font-size: .86rem;
}
.legend .ramp { display: flex; }
.legend .ramp span {
  padding: .05rem .45rem; color: var(--ink); font-variant-numeric: tabular-nums;
  background: rgb(var(--prob) / calc(var(--s) * .62));
}
svg { display: block; font: 11px system-ui, sans-serif; }
svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
.chart .rule { stroke: var(--line); }
.chart rect { fill: rgb(var(--prob) / .85); }
.chart .hit { fill: transparent; cursor: pointer; }
.chart .on .hit { fill: rgb(127 127 127 / .22); }
.chart .entropy { fill: none; stroke: var(--ink); stroke-width: 1.25; }
.tree path { fill: none; stroke: var(--soft); stroke-width: 1; opacity: .45; }
.tree .win > path, .tree path.win { stroke: var(--mark); stroke-width: 2.25; opacity: 1; }
.tree .node { cursor: default; }
.tree rect { fill: var(--panel); stroke: var(--line); }
.tree .word { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); }
.tree .score { font-size: 9.5px; }
.tree .dead { opacity: .5; }
.tree .ended rect { stroke: var(--ink); stroke-dasharray: 3 2; }
.tree .band { stroke: none; fill: var(--faint); }
.tree .win rect { fill: var(--mark); stroke: var(--mark); }
.tree .win text { fill: var(--on-mark); }
.tree .win { cursor: pointer; opacity: 1; }
.tree .on rect { stroke: var(--ink); stroke-width: 2.5; }
.tree .node:focus { outline: none; }
.tree .node:focus-visible rect { stroke: var(--ink); stroke-width: 2.5; stroke-dasharray: none; }
.key {
  display: inline-block; width: 1.6em; height: .85em; border-radius: 3px; border: 1px solid var(--line);
  vertical-align: -.08em; margin-right: .35em;
}
.key.win { background: var(--mark); border-color: var(--mark); }
.key.ended { border: 1px dashed var(--ink); }
.key.line { height: 0; border: 0; border-top: 1.5px solid var(--ink); vertical-align: .25em; }
.key.prob { background: rgb(var(--prob) / .85); border: 0; }
.key.attn { background: rgb(var(--attn) / .6); border: 0; }
#grid { display: grid; gap: 3px; width: max-content; min-width: 100%; }
#grid span {
  color: var(--soft); font-size: .78rem; align-self: center; text-align: center; padding: 0 .3rem;
  white-space: nowrap;
}
#grid button {
  padding: 0; border-radius: 3px; height: 30px; min-width: 56px; overflow: hidden; background: var(--panel);
}
#grid button.on { outline: 2px solid var(--ink); }
#grid canvas { display: block; width: 100%; height: 100%; }
details { margin-top: 2.5rem; }
details li { margin: .3rem 0; max-width: 75ch; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 900px) {
  main { padding: 1.25rem 1rem 52vh; }
  .reading { grid-template-columns: minmax(0, 1fr); gap: 1rem; }
  .text { font-size: 1.06rem; }
  aside {
    position: fixed; z-index: 2; inset: auto 0 0 0; top: auto; max-height: 46vh; border-radius: 12px 12px 0 0;
    border-width: 1px 0 0; box-shadow: 0 -6px 24px rgb(0 0 0 / .16);
  }
  aside.empty { display: none; }
  aside .close { display: block; }
}
`;

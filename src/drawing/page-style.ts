// The looks of the reports: light and dark as the reader's system has it, readable from a phone's width up. The colours
// of the series are told apart with any colour vision (after Okabe and Ito).

/** Colours of series that the style has (s0, s1, ...); a further one takes the first again. */
export const SERIES = 6;

export const PAGE_STYLE = `
:root {
  color-scheme: light dark; --bg: #fbfbfa; --panel: #fff; --ink: #1d2126; --soft: #565e69; --line: #deded9;
  --faint: #eeeeea; --good: #0b6e4f; --bad: #a3341f; --open: #6b5a00;
  --s0: #0a6db5; --s1: #d55e00; --s2: #00825e; --s3: #a8487f; --s4: #7a6a00; --s5: #5b6470;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #15171a; --panel: #1b1e22; --ink: #e4e6e8; --soft: #a3acb6; --line: #343a41; --faint: #262b30;
    --good: #5fd0a5; --bad: #ff9a84; --open: #e3c95a;
    --s0: #62b0f0; --s1: #f2955a; --s2: #4cc79f; --s3: #df90bb; --s4: #d3c158; --s5: #a9b2bd;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere;
}
main { max-width: 900px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; } p { margin: .3rem 0; }
.soft { color: var(--soft); } .small { font-size: .875rem; }
section {
  background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem;
  margin: 1.1rem 0;
}
ul { list-style: none; margin: .5rem 0 0; padding: 0; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .45em; }
.keys { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .5rem 0; font-size: .875rem; }
.s0 { --series: var(--s0); } .s1 { --series: var(--s1); } .s2 { --series: var(--s2); }
.s3 { --series: var(--s3); } .s4 { --series: var(--s4); } .s5 { --series: var(--s5); }
.key { background: var(--series); }
details summary { cursor: pointer; font-weight: 600; font-size: 1.05rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { overflow-wrap: anywhere; min-width: 7rem; }
td:first-child, th:first-child { text-align: left; min-width: 9rem; padding-left: 0; }
article { border-top: 1px solid var(--line); padding: .9rem 0; }
article h3 { margin: .7rem 0 .1rem; font-size: .8125rem; font-weight: 600; color: var(--soft); }
article p {
  font: 1.0625rem/1.6 ui-serif, Georgia, Cambria, "Times New Roman", serif; white-space: pre-wrap; margin: 0;
}
article .text { border-left: 3px solid var(--series, var(--line)); padding-left: .7rem; }
@media (max-width: 600px) {
  main { padding: 1.25rem .75rem 3rem; } section { padding: .9rem .85rem; }
}
`;

// What an evaluation's report has beside the style of all reports: verdicts and rows of bars.

export const STYLE = `
.verdicts li { padding: .55rem 0; border-top: 1px solid var(--line); }
.badge {
  display: inline-block; font-size: .8rem; font-weight: 600; border: 1px solid currentColor; border-radius: 99px;
  padding: 0 .6em; margin-right: .5em; white-space: nowrap;
}
.badge.used { color: var(--good); } .badge.misleading { color: var(--bad); } .badge.cannot { color: var(--open); }
.badge.not { color: var(--soft); }
.row { padding: .5rem 0; border-top: 1px solid var(--line); }
.label { font-size: .9375rem; } .notes { color: var(--soft); font-size: .8125rem; }
.label > span:first-child { margin-right: .5em; }
.notes span { white-space: nowrap; margin-right: .6em; }
h3 > .soft { font-weight: 400; }
.keys > span { padding-left: 1.25em; text-indent: -1.25em; overflow-wrap: anywhere; }
.bar { display: grid; grid-template-columns: minmax(0, 1fr) 12.5rem; gap: .75rem; align-items: center; }
.bar > span { font-size: .8125rem; font-variant-numeric: tabular-nums; }
.track { position: relative; height: 1.05rem; margin: .12rem 0; background: var(--faint); border-radius: 3px; }
.track i { position: absolute; top: 0; bottom: 0; font-style: normal; }
.fill { background: var(--series); opacity: .8; border-radius: 2px; min-width: 1px; }
.zero { border-left: 1px solid var(--ink); }
.chance { border-left: 2px dashed var(--ink); }
.range { border-top: 2px solid var(--ink); top: 50% !important; bottom: auto !important; margin-top: -1px; }
.track .real { width: 1em; margin-left: -.5em; text-align: center; line-height: 1.05rem; color: var(--ink); }
.track .real { font-size: .75rem; }
.axis .track { background: none; border-top: 1px solid var(--line); }
.axis .track span {
  position: absolute; transform: translateX(-50%); font-size: .75rem; color: var(--soft); white-space: nowrap;
}
.axis .track span:first-child { transform: none; } .axis .track span:last-child { transform: translateX(-100%); }
tr.group td { font-weight: 600; padding-top: .8rem; }
@media (max-width: 600px) {
  .bar { grid-template-columns: minmax(0, 1fr) 10.6rem; gap: .5rem; }
  /* of five labels those between would touch */
  .axis .track span:nth-child(2):nth-last-child(4), .axis .track span:nth-child(4):nth-last-child(2) { display: none; }
}
`;

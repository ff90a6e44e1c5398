// The candidates of a gap side by side, while they are written and after.
import type { JSX } from "preact";
import { numbers, t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import { Card } from "./candidate-card.tsx";
import { activate, gaps, isElsewhere } from "./desk.ts";
import { activeFill, dismiss } from "./fills.ts";
import { sharesOf } from "./shares.ts";
import { fillAgain, shown, stop, working } from "./work.ts";

export function Candidates(): JSX.Element {
  const fill = activeFill.value;
  const list = fill ? shown(fill) : [];
  const ordered = [...list].sort((a, b) => Number(b.pinned) - Number(a.pinned));
  const shares = new Map(sharesOf(list.map(({ score }) => score)).map((share, i) => [list[i].id, share]));
  const onward = list.map(({ score }) => score && { score: score.terms.p3, terms: {} });
  const leads = new Map(sharesOf(onward).map((share, i) => [list[i].id, share]));
  const best = [...shares].reduce<string | undefined>(
    (most, [id, share]) => (share !== undefined && share > (most === undefined ? 0 : shares.get(most)!) ? id : most),
    undefined,
  );
  const isWorking = working.value !== undefined && working.value.fill === fill?.id;
  return (
    <section class="candidates" aria-label={t.value.write.viewNames.candidates} inert={isElsewhere.value}>
      <div class="row candidates-head">
        <GapTabs />
        {fill && (
          <>
            {isWorking ? (
              <button class="quiet" onClick={stop}>
                <Icon name="stop" />
                {t.value.write.stop}
              </button>
            ) : (
              <button class="quiet" disabled={working.value !== undefined} onClick={() => fillAgain(fill)}>
                <Icon name="again" />
                {t.value.write.others}
              </button>
            )}
            <button class="quiet" onClick={() => dismiss(fill.id)}>
              <Icon name="close" />
              {t.value.write.closeGap}
            </button>
          </>
        )}
      </div>
      <p class="visually-hidden" role="status">
        {isWorking
          ? t.value.write.writing
          : list.length > 0
            ? t.value.write.written(numbers.value.format(list.length))
            : ""}
      </p>
      {fill && list.length > 0 ? (
        <ul class="cards">
          {ordered.map((candidate, i) => (
            <Card
              key={candidate.id}
              fill={fill}
              candidate={candidate}
              number={i + 1}
              share={shares.get(candidate.id)}
              leads={leads.get(candidate.id)}
              isBest={candidate.id === best}
            />
          ))}
        </ul>
      ) : (
        <p class="soft empty">{t.value.write.noCandidates}</p>
      )}
    </section>
  );
}

/** Where several gaps wait. */
function GapTabs(): JSX.Element | null {
  if (gaps.value.length < 2) return <h2>{t.value.write.viewNames.candidates}</h2>;
  return (
    <div class="row" role="group" aria-label={t.value.write.gaps}>
      {gaps.value.map(({ id }, i) => (
        <button key={id} class="quiet" aria-pressed={activeFill.value?.id === id} onClick={() => activate(id)}>
          {t.value.write.gapNumber(numbers.value.format(i + 1))}
        </button>
      ))}
    </div>
  );
}

// The seed of the property tests. A run of the suite draws the same cases each time, so that a change is judged by what
// it changed; PROPERTY_SEED=random draws others (fast-check prints the seed of a failure), PROPERTY_SEED=N repeats one.
import fc from "fast-check";

const wanted = process.env.PROPERTY_SEED ?? "20250114";
if (wanted !== "random") {
  const seed = Number(wanted);
  if (!Number.isInteger(seed))
    throw new Error(`PROPERTY_SEED is ${JSON.stringify(wanted)}; wanted an integer or random.`);
  fc.configureGlobal({ seed });
}

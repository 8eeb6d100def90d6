/** Which links of an attention matrix are drawn: the strongest of each query, or as many as make up a share of its weight. */

/** No query draws more; beyond it lines only darken each other. */
export const MOST_LINKS = 64;

/**
 * The links of a query, the strongest first; ties go to the lower key.
 * @param {Float32Array} weights of all keys
 * @param {{kind: string, top: number, mass: number}} how
 * @returns {Link[]}
 */
export function linksOf(weights, { kind, top, mass }) {
  if (kind !== "mass") return strongest(weights, Math.min(Math.max(Math.round(top) || 1, 1), MOST_LINKS));
  let sum = 0;
  return strongest(weights, MOST_LINKS).filter(({ weight }) => {
    const isNeeded = sum < mass - 1e-6;
    sum += weight;
    return isNeeded;
  });
}

/**
 * @param {Float32Array} weights
 * @param {number} most
 * @returns {Link[]} none of weight 0
 */
function strongest(weights, most) {
  /** @type {Link[]} */
  const found = [];
  weights.forEach((weight, key) => {
    const last = found[most - 1];
    if (!(weight > 0) || (last && weight <= last.weight)) return;
    let place = found.length;
    while (place > 0 && found[place - 1].weight < weight) place--;
    found.splice(place, 0, { key, weight });
    if (found.length > most) found.pop();
  });
  return found;
}

/** Which links of an attention matrix are drawn: the strongest of each query, or as many as make up a share of its weight. */

/** No query draws more; beyond it lines only darken each other. */
const MOST_LINKS = 64;

export class Links {
	/**
	 * @param {Matrix} attentions
	 * @param {{kind: string, top: number, mass: number}} how
	 * @param {Record<"query" | "key", readonly boolean[]>} hidden tokens, whose links are left out before others are chosen
	 */
	constructor(attentions, { kind, top, mass }, hidden) {
		this.attentions = attentions;
		this.most = kind === "mass" ? MOST_LINKS : Math.min(Math.max(Math.round(top) || 1, 1), MOST_LINKS);
		this.mass = kind === "mass" ? mass - 1e-6 : Infinity;
		this.hidden = hidden;
		/** Of the queries that were looked at. @type {Map<number, Line[]>} */
		this.known = new Map();
	}

	/** Those of some queries, the strongest first. @param {number} first @param {number} end excluded @returns {Line[]} */
	between(first, end) {
		const found = [];
		for (let query = Math.max(0, first); query < Math.min(end, this.attentions.rows); query++)
			found.push(...this.#of(query));
		return found.sort((a, b) => b.weight - a.weight);
	}

	/** Those of all queries to a key, the strongest first. @param {number} key @returns {Line[]} */
	toKey(key) {
		return this.between(0, this.attentions.rows).filter((line) => line.key === key);
	}

	/** @param {number} query @returns {Line[]} ties go to the lower key */
	#of(query) {
		const known = this.known.get(query);
		if (known) return known;
		const { key: hiddenKeys, query: hiddenQueries } = this.hidden;
		const all = this.attentions.row(query);
		const weights = hiddenKeys.some(Boolean) ? all.map((weight, key) => (hiddenKeys[key] ? 0 : weight)) : all;
		const enough = this.mass * weights.reduce((a, b) => a + b, 0);
		let sum = 0;
		const links = strongest(weights, this.most).filter(({ weight }) => {
			const isNeeded = sum < enough;
			sum += weight;
			return isNeeded;
		});
		const lines = hiddenQueries[query] ? [] : links.map((link) => ({ ...link, query }));
		this.known.set(query, lines);
		return lines;
	}
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

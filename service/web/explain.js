/** Where a number comes from: the numbers that make it, and which cells of the other matrices they are. */

import { precise, short } from "./numbers.js";
import { say, TEXT } from "./strings.js";

const PROJECTIONS = /** @type {Record<string, string>} */ ({
	query: "query_weights",
	key: "key_weights",
	value: "value_weights",
});

/** How far a service's float32 sum may lie from one in float64, of its size. */
const ROUNDING = 1e-4;
const MOST_SUMMANDS = 16;

/**
 * @param {string} name of the matrix
 * @param {number} row
 * @param {number} column
 * @param {Situation} situation
 * @returns {Explanation}
 */
export function explain(name, row, column, situation) {
	const { matrices, parameters, pretrained } = situation;
	const number = matrices[name]?.at(row, column) ?? Number.NaN;
	const title = `${TEXT.symbols[/** @type {keyof typeof TEXT.symbols} */ (name)]}[${row}, ${column}] = ${precise(number)}`;
	const plain = (/** @type {string} */ line) => ({ title, terms: [], lines: [line], lights: {} });
	if (name in PROJECTIONS) return projection(title, name, row, column, situation);
	if (name === "scores") return score(title, row, column, situation);
	if (name === "attentions") return share(title, row, column, situation);
	if (name === "output") return mixture(title, row, column, situation);
	if (pretrained) return plain(TEXT.firstLayer);
	const seed = String(parameters.seed);
	const positioned = name === "embedding" && parameters.positions === "sinusoidal";
	return plain(positioned ? say(TEXT.drawAndPosition, { seed }) : say(TEXT.draw, { seed }));
}

/** @param {ArrayLike<number>} left @param {ArrayLike<number>} right @returns {Term[]} */
function termsOf(left, right) {
	return Array.from(left, (a, index) => ({ left: a, right: right[index] ?? 0, product: a * (right[index] ?? 0) }));
}

/** @param {Term[]} terms @returns {number} */
function total(terms) {
	return terms.reduce((sum, { product }) => sum + product, 0);
}

/** @param {string} title @param {string} name @param {number} row @param {number} column @param {Situation} situation @returns {Explanation} */
function projection(title, name, row, column, { matrices, queryTokens, keyTokens }) {
	const weights = PROJECTIONS[name] ?? "";
	const token = (name === "query" ? queryTokens : keyTokens)[row];
	const { embedding, [weights]: projected } = matrices;
	if (!embedding || !projected) return { title, terms: [], lines: [`“${token}”: ${TEXT.inside}`], lights: {} };
	return {
		title,
		terms: termsOf(embedding.row(row), projected.column(column)),
		lines: [],
		lights: { embedding: [{ row }], [weights]: [{ column }] },
	};
}

/** @param {string} title @param {number} row @param {number} column @param {Situation} situation @returns {Explanation} */
function score(title, row, column, { matrices, parameters }) {
	const { query, key, scores } = matrices;
	if (!query || !key || !scores) return { title, terms: [], lines: [TEXT.inside], lights: {} };
	const terms = termsOf(query.row(row), key.row(column));
	const root = Math.sqrt(query.columns);
	const given = /** @type {number | null | undefined} */ (parameters.scale);
	const scaled = total(terms) * (given ?? 1 / root);
	const scale = given === null || given === undefined ? `/ √${query.columns}` : `· ${given}`;
	const lines = [`${precise(total(terms))} ${scale} = ${precise(scaled)}`];
	const actual = scores.at(row, column);
	if (!(actual > -Infinity)) lines.push(TEXT.maskedCell);
	else if (Math.abs(actual - scaled) > ROUNDING * Math.max(1, Math.abs(scaled)))
		lines.push(say(TEXT.otherwise, { plain: precise(scaled), actual: precise(actual) }));
	return { title, terms, lines, lights: { query: [{ row }], key: [{ row: column }] } };
}

/** @param {string} title @param {number} row @param {number} column @param {Situation} situation @returns {Explanation} */
function share(title, row, column, { matrices, queryTokens, keyTokens }) {
	const { scores, attentions } = matrices;
	const named = `“${queryTokens[row]}” → “${keyTokens[column]}”`;
	if (!scores || !attentions) return { title, terms: [], lines: [named], lights: {} };
	const line = Array.from(scores.row(row), (number) => (Number.isNaN(number) ? -Infinity : number));
	const most = Math.max(...line);
	const powers = line.map((number) => Math.exp(number - most));
	const sum = powers.reduce((a, b) => a + b, 0);
	const lines = [
		named,
		`exp(${precise(line[column] ?? 0)} − ${precise(most)}) = ${precise(powers[column] ?? 0)}`,
		`${precise(powers[column] ?? 0)} / (${summands(powers)}) = ${precise(powers[column] ?? 0)} / ${precise(sum)} = ${precise((powers[column] ?? 0) / sum)}`,
	];
	const rowSum = attentions.row(row).reduce((a, b) => a + b, 0);
	if (Math.abs(rowSum - 1) > 0.01) lines.push(say(TEXT.sink, { share: precise(rowSum) }));
	if (line[column] === -Infinity) lines.push(TEXT.maskedCell);
	return { title, terms: [], lines, lights: { scores: [{ row }, { row, column }] } };
}

/** @param {number[]} numbers @returns {string} those of a long row are not all written out */
function summands(numbers) {
	const shown = numbers.slice(0, MOST_SUMMANDS).map(short);
	return [...shown, ...(numbers.length > shown.length ? ["…"] : [])].join(" + ");
}

/** @param {string} title @param {number} row @param {number} column @param {Situation} situation @returns {Explanation} */
function mixture(title, row, column, { matrices, queryTokens }) {
	const { attentions, value } = matrices;
	if (!attentions || !value) return { title, terms: [], lines: [`“${queryTokens[row]}”: ${TEXT.inside}`], lights: {} };
	return {
		title,
		terms: termsOf(attentions.row(row), value.column(column)),
		lines: [],
		lights: { attentions: [{ row }], value: [{ column }] },
	};
}

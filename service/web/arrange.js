/** Which rows and columns of a matrix are shown, in which order, and whether rows are renormalised. */

import { Matrix } from "./matrix.js";

/** @param {string} text such as `row:3` @returns {Pin} */
export function readPin(text) {
	const match = /^(row|column):(\d+)$/.exec(text);
	return match ? { kind: match[1] === "row" ? "row" : "column", index: Number(match[2]) } : null;
}

/** @param {Pin} pin @returns {string} */
export function writePin(pin) {
	return pin ? `${pin.kind}:${pin.index}` : "";
}

/**
 * @param {Matrix} whole
 * @param {{hiddenRows: readonly boolean[], hiddenColumns: readonly boolean[], renormalize: boolean, sort: string, pin: Pin}} how
 * @returns {Arranged}
 */
export function arrange(whole, { hiddenRows, hiddenColumns, renormalize, sort, pin }) {
	const rows = left(whole.rows, hiddenRows);
	const columns = left(whole.columns, hiddenColumns);
	if (pin && sort === "row" && pin.kind === "row" && pin.index < whole.rows) descending(columns, whole.row(pin.index));
	if (pin && sort === "column" && pin.kind === "column" && pin.index < whole.columns)
		descending(rows, whole.column(pin.index));
	const matrix = whole.select(rows, columns);
	return { matrix: renormalize ? renormalized(matrix) : matrix, rows, columns };
}

/** @param {number} count @param {readonly boolean[]} hidden @returns {number[]} the places that are shown; never none */
function left(count, hidden) {
	const all = Array.from({ length: count }, (_, index) => index);
	const shown = all.filter((index) => !hidden[index]);
	return shown.length ? shown : all;
}

/**
 * Sort places by their numbers, the greatest first and masked ones last; ties keep the lower place first.
 * @param {number[]} order
 * @param {ArrayLike<number>} numbers
 * @returns {number[]} the same array
 */
export function descending(order, numbers) {
	const at = (/** @type {number} */ index) => (Number.isNaN(numbers[index]) ? -Infinity : numbers[index]);
	return order.sort((a, b) => (at(a) === at(b) ? a - b : at(b) > at(a) ? 1 : -1));
}

/** @param {Matrix} matrix @returns {Matrix} each row divided by its sum */
function renormalized(matrix) {
	const numbers = matrix.numbers.slice();
	for (let row = 0; row < matrix.rows; row++) {
		const line = numbers.subarray(row * matrix.columns, (row + 1) * matrix.columns);
		const sum = line.reduce((all, number) => all + Math.max(number || 0, 0), 0);
		if (sum > 0) line.set(line.map((number) => number / sum));
	}
	return new Matrix(matrix.rows, matrix.columns, numbers);
}

/**
 * What rows or columns are called: tokens, or the numbers of dimensions.
 * @param {Axis | null} axis
 * @param {readonly number[]} places
 * @returns {string[]}
 */
export function namesOf(axis, places) {
	return places.map((place) => axis?.tokens[place] ?? String(place));
}

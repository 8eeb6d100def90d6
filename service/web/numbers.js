/** Numbers as people read them. */

import { TEXT } from "./strings.js";

/**
 * A number in at most five characters, for cells: 0.496, 12.34, −0.03.
 * @param {number} number
 * @returns {string}
 */
export function short(number) {
	if (Number.isNaN(number) || number === -Infinity) return "−∞";
	const size = Math.abs(number);
	if (size === 0) return "0";
	if (size < 0.001 || size >= 100000) return number.toExponential(0).replace("-", "−").replace("e−", "e-");
	const room = number < 0 ? 4 : 5; // of characters beside the sign
	const digits = Math.max(0, room - 1 - String(Math.floor(size)).length);
	return number.toFixed(digits).replace("-", "−");
}

/**
 * A number for reading out: six significant digits.
 * @param {number} number
 * @returns {string}
 */
export function precise(number) {
	if (Number.isNaN(number) || number === -Infinity) return TEXT.masked;
	return String(Number(number.toPrecision(6))).replace("-", "−");
}

/**
 * A float32 in the shortest text that reads back to it, as the service's JSON writes it.
 * @param {number} number
 * @returns {string}
 */
export function exact(number) {
	if (Number.isNaN(number) || number === -Infinity) return "null";
	for (let digits = 1; digits < 17; digits++) {
		const text = number.toPrecision(digits);
		if (Math.fround(Number(text)) === number) return String(Number(text));
	}
	return String(number);
}

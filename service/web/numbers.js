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
	if (size < 0.0005 || size >= 99999.5) return withSign(number.toExponential(0).replace("+", ""));
	const room = number < 0 ? 4 : 5; // of characters beside the sign
	let text = size.toFixed(3);
	for (let digits = 2; text.length > room && digits >= 0; digits--) text = size.toFixed(digits);
	return withSign((number < 0 ? "-" : "") + text);
}

/** @param {string} text @returns {string} */
function withSign(text) {
	return text.replace(/^-/, "−");
}

/**
 * A number for reading out: six significant digits.
 * @param {number} number
 * @returns {string}
 */
export function precise(number) {
	if (Number.isNaN(number) || number === -Infinity) return TEXT.masked;
	return withSign(String(Number(number.toPrecision(6))));
}

/** @param {number} number @returns {string} a count or a position: 12,288 */
export function counted(number) {
	return number.toLocaleString("en");
}

/**
 * A float32 in the shortest text that reads back to it, as the service's JSON writes it.
 * @param {number} number
 * @param {string} masked what to write where there is none
 * @returns {string}
 */
export function exact(number, masked) {
	if (Number.isNaN(number) || number === -Infinity) return masked;
	for (let digits = 1; digits < 17; digits++) {
		const text = number.toPrecision(digits);
		if (Math.fround(Number(text)) === number) return String(Number(text));
	}
	return String(number);
}

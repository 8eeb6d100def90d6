/** Numbers to colours, as the service's own pictures do it. */

import { LEVELS, STOPS, WHOLE } from "./colormaps.js";

const DIVERGING = new Set(["RdBu", "PuOr"]);
const UNIT_LOG_LOW = 1e-6;

/**
 * What span of numbers the colours stand for. A logarithmic one needs numbers that are not negative: else it is linear.
 * @param {{extremes(): Extremes}} matrix
 * @param {string} range `data` or `unit`
 * @param {string} kind `linear` or `log`
 * @param {string} colormap
 * @returns {Scale}
 */
export function chooseScale(matrix, range, kind, colormap) {
	let { low, high, positive, masked } = matrix.extremes();
	if (kind === "log" && low >= 0) {
		if (range === "unit" || positive > high) return { low: UNIT_LOG_LOW, high: 1, log: true, masked };
		if (positive === high) return { low: positive / 10, high: high * 10, log: true, masked };
		return { low: positive, high, log: true, masked };
	}
	if (range === "unit") return { low: 0, high: 1, log: false, masked };
	if (DIVERGING.has(colormap) && low < 0 && high > 0) {
		high = Math.max(-low, high);
		low = -high;
	}
	const margin = low < high ? 0 : Math.max(Math.abs(low), 1) * 0.1;
	return { low: low - margin, high: high + margin, log: false, masked };
}

/**
 * Where a number lies: 0 at the low end, 1 at the high end, and no further.
 * @param {number} number
 * @param {Scale} scale
 * @returns {number}
 */
function fraction(number, { low, high, log }) {
	const part = log
		? (Math.log(Math.max(number, low)) - Math.log(low)) / (Math.log(high) - Math.log(low))
		: (number - low) / (high - low);
	return Math.min(Math.max(part, 0), 1);
}

/** @type {Map<string, Uint32Array>} */
const palettes = new Map();
/** @type {WeakMap<Uint32Array, boolean[]>} */
const contrasts = new WeakMap();

/**
 * The colours of a map, each as 0xAABBGGRR, as a canvas' pixels lie in memory on little-endian machines.
 * @param {string} colormap
 * @returns {Uint32Array}
 */
export function palette(colormap) {
	const known = palettes.get(colormap) ?? mixed(colormap);
	palettes.set(colormap, known);
	return known;
}

/** @param {string} colormap @returns {Uint32Array} */
function mixed(colormap) {
	const stops = STOPS[colormap];
	const bytes = stops ? between(stops) : Uint8Array.from(atob(WHOLE[colormap]), (c) => c.charCodeAt(0));
	const channel = (/** @type {number} */ index) => bytes[index] << (8 * (index % 3));
	return Uint32Array.from(
		{ length: LEVELS },
		(_, level) => (0xff000000 | channel(3 * level) | channel(3 * level + 1) | channel(3 * level + 2)) >>> 0,
	);
}

/** @param {string} stops colours as RRGGBB @returns {Uint8Array} red, green and blue of all levels between them */
function between(stops) {
	const last = stops.length / 6 - 1;
	return Uint8Array.from({ length: 3 * LEVELS }, (_, index) => {
		const place = (Math.floor(index / 3) / (LEVELS - 1)) * last;
		const left = Math.min(Math.floor(place), last - 1);
		const part = (/** @type {number} */ stop) => Number.parseInt(stops.substr(6 * stop + 2 * (index % 3), 2), 16);
		return Math.round(part(left) + (part(left + 1) - part(left)) * (place - left));
	});
}

/**
 * Whether black is read more easily than white on each colour: whose contrast is greater, as WCAG 2 reckons it.
 * @param {Uint32Array} colors
 * @returns {boolean[]}
 */
export function takesBlack(colors) {
	const known = contrasts.get(colors) ?? brightness(colors);
	contrasts.set(colors, known);
	return known;
}

/** @param {Uint32Array} colors @returns {boolean[]} */
function brightness(colors) {
	const linear = (/** @type {number} */ byte) => (byte <= 10 ? byte / 3295 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
	return Array.from(colors, (color) => {
		const [red, green, blue] = [color & 255, (color >> 8) & 255, (color >> 16) & 255].map(linear);
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
	});
}

/**
 * Which colour a number has.
 * @param {number} number
 * @param {Scale} scale
 * @returns {number}
 */
export function levelOf(number, scale) {
	return Math.min(Math.floor(fraction(number, scale) * LEVELS), LEVELS - 1);
}

/**
 * A picture of one pixel a cell; masked cells are left transparent.
 * @param {Matrix} matrix
 * @param {Scale} scale
 * @param {Uint32Array} colors
 * @returns {ImageData}
 */
export function picture(matrix, scale, colors) {
	const image = new ImageData(matrix.columns, matrix.rows);
	const pixels = new Uint32Array(image.data.buffer);
	const { numbers } = matrix;
	const last = LEVELS - 1;
	const low = scale.log ? Math.log(scale.low) : scale.low;
	const factor = LEVELS / ((scale.log ? Math.log(scale.high) : scale.high) - low);
	for (let cell = 0; cell < numbers.length; cell++) {
		const number = numbers[cell];
		if (!(number > -Infinity)) continue;
		const level = ((scale.log ? Math.log(Math.max(number, scale.low)) : number) - low) * factor;
		pixels[cell] = colors[level < 0 ? 0 : level > last ? last : level | 0];
	}
	return image;
}

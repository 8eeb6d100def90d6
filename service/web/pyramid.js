/** The pyramid over a document's matrix: at level z a bin is 2^z × 2^z cells, and a tile is 256 × 256 bins. */

export const TILE = 256;

/**
 * The level whose bins are a CSS pixel or up to two: finer ones nobody sees.
 * @param {number} cellSize in CSS pixels
 * @returns {number}
 */
export function levelFor(cellSize) {
	return Math.max(0, Math.ceil(Math.log2(1 / cellSize)));
}

/** @param {number} level @returns {number} how many cells wide a tile is */
export function tileSize(level) {
	return TILE * 2 ** level;
}

/** @param {TilePlace} place @returns {string} what tells a tile from all others */
export function nameOf({ level, row, column }) {
	return `${level}/${row}/${column}`;
}

/** @param {TilePlace} place @returns {Span} its cells, were the matrix endless */
export function spanOf({ level, row, column }) {
	const size = tileSize(level);
	return {
		firstRow: row * size,
		lastRow: (row + 1) * size,
		firstColumn: column * size,
		lastColumn: (column + 1) * size,
	};
}

/** @param {Span} one @param {Span} other @returns {boolean} whether they have cells in common */
export function overlap(one, other) {
	return (
		one.firstRow < other.lastRow &&
		other.firstRow < one.lastRow &&
		one.firstColumn < other.lastColumn &&
		other.firstColumn < one.lastColumn
	);
}

/** @param {Span} span @param {number} level @returns {TilePlace[]} the tiles that hold its cells, row by row */
export function tilesIn({ firstRow, lastRow, firstColumn, lastColumn }, level) {
	const size = tileSize(level);
	const places = [];
	for (let row = Math.floor(firstRow / size); row * size < lastRow; row++)
		for (let column = Math.floor(firstColumn / size); column * size < lastColumn; column++)
			places.push({ level, row, column });
	return places;
}

/**
 * Neighbours of a row as one strip. A query has to look at all keys whatever is shown of them, so a strip costs what
 * one of its tiles costs. The strips in the middle come first.
 * @param {readonly TilePlace[]} places row by row
 * @returns {Strip[]}
 */
export function stripsOf(places) {
	/** @type {Strip[]} */
	const strips = [];
	for (const { level, row, column } of places) {
		const last = strips.at(-1);
		if (last && last.row === row && last.level === level && last.end === column) last.end++;
		else strips.push({ level, row, first: column, end: column + 1 });
	}
	const middle = strips.reduce((sum, { row }) => sum + row, 0) / strips.length;
	return strips.sort((a, b) => Math.abs(a.row - middle) - Math.abs(b.row - middle));
}

/** @param {Strip} strip @returns {TilePlace[]} */
export function tilesOf({ level, row, first, end }) {
	return Array.from({ length: end - first }, (_, index) => ({ level, row, column: first + index }));
}

/**
 * The size of bins to ask for. The service makes bins of ceil(length / bins) cells, so over a length that is no
 * multiple not every size is to be had: this is the greatest that is, of `size`, its half, its quarter …
 * @param {number} length
 * @param {number} size
 * @returns {number}
 */
export function askableSize(length, size) {
	let askable = size;
	for (; ; askable /= 2) {
		const bins = Math.ceil(length / askable);
		if (bins === 1 || Math.ceil(length / bins) === askable) return askable;
	}
}
